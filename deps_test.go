package asterfed

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/asterfed/asterfed/"

// layers lists the packages from the bottom up: what may import what, and why
// it may not import more.
var layers = []struct {
	pkg   string
	may   []string // packages of this module, beside itself
	never []string // prefixes that must not appear among its imports
	why   string
}{
	{"zone/location", nil, []string{"github.com/"},
		"bindings are the model: they know no DNS, no AMI and no network"},
	{"zone/datadir", nil, []string{"github.com/", "net"},
		"who may use a directory and how its files are replaced is asked before anything in them has a meaning"},
	{"zone/plain", nil, []string{"github.com/", "net"},
		"a plain query is octets; what is answered is for the zone to say"},
	{"zone/record", []string{"zone/location"}, []string{"github.com/coredns", "github.com/hashicorp", "net/http", "os"},
		"how a binding is written is one thing, whoever writes or reads it: it knows no view and no disk"},
	{"zone/primary", []string{"zone/datadir", "zone/location", "zone/record"}, []string{"github.com/", "net/http"},
		"the one writer of a home zone: what it tells, it tells to whoever implements Zone, and it knows no DNS message"},
	{"zone/view", []string{"zone/location", "zone/record"}, []string{"github.com/coredns", "github.com/hashicorp", "github.com/miekg", "net/http", "os"},
		"a view is data: it makes no answer and decides nothing about one, and so knows no DNS message"},
	{"zone/wire", nil, []string{"github.com/coredns", "github.com/hashicorp", "net"},
		"packing is octets: which records an answer has, others say"},
	{"zone/answer", []string{"zone/wire", "zone/location", "zone/plain", "zone/record", "zone/view"}, []string{"github.com/coredns", "github.com/hashicorp", "net/http", "os"},
		"answers are made from bindings alone, so that they can be tested without a server"},
	{"zone/tsig", nil, []string{"github.com/coredns", "github.com/hashicorp", "net"},
		"a signature is over octets, whoever carries them and whatever the key permits"},
	{"zone/stream", []string{"zone/datadir", "zone/location", "zone/record", "zone/tsig", "zone/view"}, []string{"github.com/coredns", "github.com/hashicorp", "net"},
		"a transfer is a sequence of messages, whoever carries them"},
	{"zone/peer", []string{"zone/location", "zone/primary", "zone/record", "zone/stream", "zone/tsig", "zone/view"}, []string{"github.com/coredns", "github.com/hashicorp"},
		"a secondary decides nothing: what silence means is the plugin's to say"},
	{"zone/outbound", []string{"zone/answer", "zone/datadir", "zone/location", "zone/record", "zone/stream", "zone/tsig", "zone/view"}, []string{"github.com/coredns", "github.com/hashicorp", "net"},
		"what others transfer is what queries are answered with: it asks the view, and decides neither answers nor who may ask"},
	{"zone/update", []string{"zone/datadir", "zone/location", "zone/record", "zone/tsig"}, []string{"github.com/coredns", "github.com/hashicorp", "net"},
		"what an UPDATE does is decided from the message and the zone alone: who carries it is the plugin's affair"},
	{"zone/history", []string{"zone/answer", "zone/location", "zone/view"}, []string{"github.com/coredns", "github.com/hashicorp", "net"},
		"the past is made of what a view has told: who asks for it is the plugin's affair"},
	{"zone/dnssec", nil, []string{"github.com/coredns", "github.com/hashicorp"},
		"a signature is about a message, whoever made it: the signer asks which types a name has"},
	{"serf/gate", nil, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp/serf"},
		"who becomes a member is decided from what gossip carries: the agent behind it is asked nothing"},
	{"serf", []string{"serf/gate", "zone/datadir"}, []string{"github.com/coredns", "github.com/miekg"},
		"membership carries no registrations, so that its limits never lose one"},
	{"plugin/federation/liveness/sip", nil, []string{"github.com/"},
		"a sign of life is bytes on a socket"},
	{"plugin/federation/source", []string{"plugin/federation/ami/pbx", "plugin/federation/directory", "plugin/federation/trunk", "zone/location", "zone/primary"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"what a source publishes goes into the home zone: who asks for it, and who else there is, does not matter to it"},
	{"cmd/asterfed/command", nil, []string{"github.com/coredns", "github.com/hashicorp"},
		"what commands share is about the command line: none of it knows a federation"},
	{"cmd/asterfed/plan", []string{"cmd/asterfed/command", "zone/peer"}, []string{"github.com/coredns", "github.com/hashicorp", "net"},
		"an estimate is arithmetic: it asks nobody"},
	{"cmd/asterfed/demo", []string{"cmd/asterfed/command", "plugin/federation/ami/amitest"}, []string{"github.com/coredns", "github.com/hashicorp"},
		"the demo runs the real command as a user would, and asks it by DNS"},
	{"cmd/asterfed/account", []string{"plugin/federation/config"}, nil,
		"whether the service may read a file is a question to the file system and the Corefile alone"},
	{"plugin/federation/liveness", []string{"plugin/federation/ami", "plugin/federation/liveness/sip", "zone/location", "zone/record", "zone/view"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"who is alive is found out by SIP: what Serf, AMI and transfers say is reported to it"},
	{"plugin/federation/reuseport", nil, []string{"github.com/"},
		"which socket gets what arrives is the kernel's business, whatever arrives"},
	{"plugin/federation/udp", []string{"plugin/federation/reuseport"}, []string{"github.com/"},
		"a socket carries datagrams, whatever is in them"},
	{"plugin/federation/ami", []string{"zone/location"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"a client speaks AMI: what Asterisk says means nothing to it"},
	{"plugin/federation/ami/registrations", []string{"plugin/federation/ami", "zone/location"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"a source turns AMI into changes; nothing calls back upstream"},
	{"plugin/federation/ami/pbx", []string{"plugin/federation/ami", "zone/location"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"whether a trunk or a room can be used, Asterisk says; what follows from it is for the watcher"},
	{"plugin/federation/ami/live", []string{"plugin/federation/ami", "plugin/federation/ami/pbx", "plugin/federation/ami/registrations", "zone/location"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"what is asked at this moment is published by nobody"},
	{"plugin/federation/directory", []string{"zone/location"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"a source turns a file into bindings; how numbers are written is its business alone"},
	{"plugin/federation/trunk", []string{"plugin/federation/ami/pbx", "plugin/federation/directory", "zone/location"}, []string{"github.com/coredns", "github.com/miekg", "github.com/hashicorp"},
		"which trunks there are stands in a file: whether they work, AMI says, and who publishes them, the plugin"},
	{"plugin/federation/secondary", []string{"zone/tsig"}, []string{"github.com/coredns", "github.com/hashicorp", "github.com/prometheus"},
		"a NOTIFY says that there is a serial: what is in the zone, and who may transfer it, is for others to say"},
	{"plugin/federation/fastpath", []string{"plugin/federation/reuseport", "plugin/federation/udp", "zone/answer", "zone/plain", "zone/view"}, []string{"github.com/hashicorp", "github.com/asterfed/asterfed/serf"},
		"plain queries are answered from the view alone: what the other queries get is for CoreDNS's chain to say"},
	{"plugin/federation/config", []string{"plugin/federation/ami/pbx", "plugin/federation/directory", "plugin/federation/trunk", "serf", "zone/answer", "zone/dnssec", "zone/location", "zone/record", "zone/tsig", "zone/update"}, []string{"github.com/hashicorp", "github.com/prometheus"},
		"a Corefile is read and checked: nothing is opened, and what the values do is for others to say"},
	{"plugin/federation/node", []string{"plugin/federation/ami", "plugin/federation/ami/live", "plugin/federation/ami/pbx", "plugin/federation/ami/registrations", "plugin/federation/config", "plugin/federation/liveness", "plugin/federation/source", "serf", "zone/answer", "zone/datadir", "zone/history", "zone/location", "zone/peer", "zone/primary", "zone/record", "zone/stream", "zone/view"}, []string{"github.com/hashicorp", "github.com/coredns/coredns/core", "github.com/coredns/coredns/plugin/", "github.com/prometheus"},
		"a node lives whether anybody asks it or not: who asks, and over which sockets, is the plugin's affair"},
	{"plugin/federation", []string{"plugin/federation/config", "plugin/federation/fastpath", "plugin/federation/node", "plugin/federation/secondary", "plugin/federation/source", "serf", "zone/answer", "zone/datadir", "zone/dnssec", "zone/history", "zone/location", "zone/outbound", "zone/peer", "zone/primary", "zone/record", "zone/stream", "zone/tsig", "zone/update", "zone/view"}, nil,
		"the plugin joins the parts; only the command stands above it"},
}

// TestImportsPointDownward holds the direction of imports.
func TestImportsPointDownward(t *testing.T) {
	for _, l := range layers {
		out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "./"+l.pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", l.pkg, err)
		}
		imports := strings.Fields(string(out))
		if len(imports) == 0 {
			t.Errorf("%s imports nothing: is it still there?", l.pkg)
		}
		for _, i := range imports {
			own, ours := strings.CutPrefix(i, module)
			allowed := ours && slices.Contains(l.may, own)
			for _, n := range l.never {
				if strings.HasPrefix(i, n) && !allowed {
					t.Errorf("%s imports %s: %s", l.pkg, i, l.why)
				}
			}
			if ours && !allowed {
				t.Errorf("%s imports %s, which does not stand below it: %s", l.pkg, own, l.why)
			}
		}
	}
}

// TestOneImporter: a dependency that is to stay replaceable has one door.
func TestOneImporter(t *testing.T) {
	doors := map[string][]string{
		"github.com/hashicorp/":     {"serf", "serf/gate", "test/simulation"},
		"github.com/coredns/":       {"plugin/federation", "plugin/federation/config", "plugin/federation/fastpath", "cmd/asterfed", "cmd/asterfed/account", "test/bench/constant"},
		"go.etcd.io/bbolt":          {"zone/history"},
		"github.com/urfave/cli/v2":  {"cmd/asterfed", "cmd/asterfed/command", "cmd/asterfed/demo", "cmd/asterfed/plan"},
		"github.com/miekg/dns":      {"zone/answer", "zone/wire", "zone/record", "zone/dnssec", "zone/outbound", "zone/stream", "zone/tsig", "zone/update", "zone/peer", "plugin/federation", "plugin/federation/config", "plugin/federation/fastpath", "plugin/federation/node", "plugin/federation/secondary", "cmd/asterfed", "cmd/asterfed/command", "cmd/asterfed/demo", "test/lab", "examples/three-nodes", "test/chaos", "test/simulation", "test/bench", "test/bench/watch", "test/guard", "test/bench/constant"},
		"github.com/prometheus/cli": {"plugin/federation", "plugin/federation/fastpath"},
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		pkg := strings.TrimPrefix(f[0], module)
		for _, i := range f[1:] {
			for prefix, who := range doors {
				if strings.HasPrefix(i, prefix) && !slices.Contains(who, pkg) {
					t.Errorf("%s imports %s: only %v may", pkg, i, who)
				}
			}
		}
	}
}
