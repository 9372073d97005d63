package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// write puts the secrets that Corefiles name into a directory.
func secrets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"gossip.key":    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
		"transfer.key":  "key \"transfer\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n",
		"update.key":    "key \"update\" { algorithm hmac-sha256; secret \"dXBkYXRl\"; };\n",
		"same-name.key": "key \"update\" { algorithm hmac-sha256; secret \"b3RoZXI=\"; };\n",
		"ami.secret":    "s3cret\n",
		"empty":         "\n",
		"bom.secret":    "\ufeffs3cret\r\n",
		"utf16.secret":  "\xff\xfes\x003\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestParseWholeNode(t *testing.T) {
	dir := secrets(t)
	cfg, err := Read("Corefile", fmt.Appendf(nil, `fed.example {
    federation {
        node      pbx-a
        address   10.0.0.1 2001:db8::1 advertise 203.0.113.7
        sip       udp:5060 tcp:5060
        iax       4569
        region    eu-west
        gossip    10.0.0.1:7946 key %[1]s/gossip.key advertise 203.0.113.7:7946
        rpc       127.0.0.1:7373
        join      10.0.0.2 10.0.0.3
        transfer  10.0.0.1:53 key %[1]s/transfer.key
        asterisk  127.0.0.1:5038 user asterfed secret %[1]s/ami.secret
        data      /var/lib/asterfed
        ttl       5s
        users     1* alice
    }
    prometheus 127.0.0.1:9153
    errors
}
. {
    forward . 192.0.2.53
}
`, dir))
	if err != nil {
		t.Fatal(err)
	}
	key := cfg.Key
	cfg.Key = nil
	want := &Config{
		Origin: "fed.example.", Node: "pbx-a",
		Addrs:  []netip.Addr{netip.MustParseAddr("203.0.113.7")},
		Listen: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")},
		SIP:    []record.Transport{{Proto: "udp", Port: 5060}, {Proto: "tcp", Port: 5060}}, IAX: 4569, Region: "eu-west",
		OwnSIP: []record.Transport{{Proto: "udp", Port: 5060}, {Proto: "tcp", Port: 5060}},
		Gossip: netip.MustParseAddrPort("10.0.0.1:7946"), GossipAdvertise: netip.MustParseAddrPort("203.0.113.7:7946"),
		GossipKey: dir + "/gossip.key", RPC: "127.0.0.1:7373", RPCKey: "/var/lib/asterfed/rpc.key", Join: []string{"10.0.0.2", "10.0.0.3"}, Profile: "lan",
		Server: "127.0.0.1:53", Transfer: netip.MustParseAddrPort("10.0.0.1:53"), OwnKey: true,
		Asterisk: Asterisk{"127.0.0.1:5038", "asterfed", "s3cret"}, Data: "/var/lib/asterfed",
		TTL: 5 * time.Second, Order: answer.Newest, Users: []string{"1*", "alice"}, Fast: true,
		History: History{7 * 24 * time.Hour, 64 << 20},
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
	if key.Name != "transfer." || key.Secret != "c2VjcmV0" {
		t.Errorf("key is %+v", key)
	}
	for aor, want := range map[location.AOR]bool{"1001": true, "alice": true, "bob": false} {
		if cfg.Permits(aor) != want {
			t.Errorf("permits(%s) is %v", aor, !want)
		}
	}
}

func TestParseDefaultsServeOneLAN(t *testing.T) {
	dir := secrets(t)
	cfg, err := Read("Corefile", fmt.Appendf(nil, "fed.example {\nfederation {\nnode pbx-a\ngossip 10.0.0.1:7946 key %[1]s/gossip.key\n"+
		"asterisk 127.0.0.1:5038 user a secret %[1]s/ami.secret\n}\n}\n", dir))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Transfer.String() != "10.0.0.1:53" || cfg.Addrs[0].String() != "10.0.0.1" || cfg.SIP[0].String() != "udp:5060" ||
		cfg.TTL != 5*time.Second || cfg.Key == nil || cfg.Key.Name != "transfer.fed.example." {
		t.Errorf("defaults are %+v", cfg)
	}
}

// Lines of update add up; what they permit is for the package update to say.
func TestParseUpdate(t *testing.T) {
	dir := secrets(t)
	cfg, err := Read("Corefile", fmt.Appendf(nil, "fed.example {\nfederation {\nnode pbx-a\ngossip 10.0.0.1:7946 key %[1]s/gossip.key\n"+
		"update key %[1]s/update.key user number since quota 500 names 1* +97231234000-+97231234999\nupdate key %[1]s/update.key trunk\n"+
		"update key %[1]s/transfer.key\n}\n}\n", dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Updates) != 3 || cfg.Updates[0].Key.Name != "update." || cfg.Updates[0].File != dir+"/update.key" ||
		!slices.Equal(cfg.Updates[0].Rule.Kinds, []location.Kind{location.User, location.Number}) || len(cfg.Updates[0].Rule.Names) != 2 ||
		!cfg.Updates[0].Rule.Since || cfg.Updates[0].Rule.Quota != 500 || cfg.Updates[1].Rule.Since || cfg.Updates[1].Rule.Quota != 0 ||
		!slices.Equal(cfg.Updates[1].Rule.Kinds, []location.Kind{location.Trunk}) || len(cfg.Updates[2].Rule.Kinds) != 0 {
		t.Errorf("updates are %+v", cfg.Updates)
	}
}

// Lines of secondary add up; the port is that of DNS where none stands.
func TestParseSecondary(t *testing.T) {
	dir := secrets(t)
	cfg, err := Read("Corefile", fmt.Appendf(nil, "fed.example {\nfederation {\nnode pbx-a\ngossip 10.0.0.1:7946 key %[1]s/gossip.key\n"+
		"secondary 10.0.0.9 10.0.0.8:5353 2001:db8::9 [2001:db8::8]:5353 key %[1]s/update.key\nsecondary key %[1]s/transfer.key\n}\n}\n", dir))
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Secondaries
	if len(s) != 2 || s[0].Key.Name != "update." || len(s[1].Addrs) != 0 ||
		fmt.Sprint(s[0].Addrs) != "[10.0.0.9:53 10.0.0.8:5353 [2001:db8::9]:53 [2001:db8::8]:5353]" {
		t.Errorf("secondaries are %+v", s)
	}
	for name, want := range map[string]bool{"update.": true, "transfer.": true, cfg.Key.Name: true, "": false, "other.": false} {
		if got := cfg.TransferKey(name) != nil; got != want {
			t.Errorf("key %q may transfer: %v", name, got)
		}
	}
}

// Every mistake names the line, the word, and what was expected.
// A secret that every user of the machine can read is refused, whichever property
// names it.
func TestParseOpenSecrets(t *testing.T) {
	dir := secrets(t)
	base := filepath.Join(dir, "Kfed.example.+013+00001")
	for _, f := range []string{base + ".private", filepath.Join(dir, "gossip.key"), filepath.Join(dir, "transfer.key"), filepath.Join(dir, "update.key"), filepath.Join(dir, "ami.secret")} {
		if _, err := os.Stat(f); err != nil {
			if err := os.WriteFile(f, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(f, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"gossip 10.0.0.1:7946 key " + dir + "/gossip.key", "transfer 10.0.0.1:53 key " + dir + "/transfer.key",
		"update key " + dir + "/update.key", "secondary key " + dir + "/update.key", "asterisk 127.0.0.1:5038 user a secret " + dir + "/ami.secret",
		"dnssec key " + base, "dnssec key " + base + ".key", "dnssec key " + base + ".private"} {
		_, err := Read("Corefile", []byte("fed.example {\nfederation {\n"+line+"\n}\n}\n"))
		if err == nil || !strings.Contains(err.Error(), "is open to every user of this machine (mode 0644): run chmod 640") {
			t.Errorf("%q: got %v", line, err)
		}
	}
}

// What other programs publish leads to this node's SIP server, with an Asterisk or
// without.
func TestSIPByDefault(t *testing.T) {
	dir := secrets(t)
	for line, want := range map[string]int{"": 0, "update key " + dir + "/update.key": 1, "asterisk 127.0.0.1:5038 user a secret " + dir + "/ami.secret": 1,
		"update key " + dir + "/update.key\nsip tcp:5080 udp:5080": 2} {
		cfg, err := Read("Corefile", fmt.Appendf(nil, "fed.example {\nfederation {\nnode a\ngossip 10.0.0.1:7946 key %s/gossip.key\n%s\n}\n}\n", dir, line))
		if err != nil || len(cfg.SIP) != want {
			t.Errorf("%q: %v, %v, want %d transports", line, cfg, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	dir := secrets(t)
	gossip := "gossip 10.0.0.1:7946 key " + dir + "/gossip.key\n"
	for _, c := range []struct{ block, want string }{
		{"frob 1", `Corefile:3 - Error during parsing: unknown property "frob": want address, asterisk`},
		{gossip, `needs "node NAME"`},
		{"node pbx-a", `needs "gossip IP:PORT key FILE"`},
		{"node Pbx_A", `node name "Pbx_A": want 1 to 40 of a-z`},
		{"node", `property "node" needs a value`},
		{"node a b", `got "a b": want one node name`},
		{"node a\nnode b", `Corefile:4 - Error during parsing: property "node" is given twice`},
		{"address 10.0.0.x", `address "10.0.0.x": want an IPv4 or IPv6 address`},
		{"address 10.0.0.1 advertise", `want VALUE... [advertise VALUE...]`},
		{"sip sctp:5060", `SIP transport "sctp:5060": want udp:PORT`},
		{"history 30d", `history "30d": want history AGE SIZE`},
		{"history 0d 1MB", `history 0d: no number of days: want history AGE SIZE, as in 30d 256MB, or off`},
		{"history 5s 1MB", `history 5s: no duration from 1m`},
		{"history 30d 1", `history 1: no size from 1MB`},
		{"iax x", `iax "x": want a UDP port`},
		{"gossip 10.0.0.1", `gossip "10.0.0.1": want IP:PORT`},
		{"gossip 10.0.0.1:7946 frob x", `got "frob": want gossip IP:PORT [key FILE]`},
		{"node a\ngossip 10.0.0.1:7946", `gossip needs "key FILE"`},
		{"node a\ngossip 10.0.0.1:7946 key /nonexistent", `/nonexistent: no such file`},
		{"node a\ngossip 10.0.0.1:7946 key " + dir + "/ami.secret", `base64 of 16, 24 or 32 bytes expected`},
		{"transfer 10.0.0.1:53 key " + dir + "/empty", `no key statement; want: key "name"`},
		{"asterisk 127.0.0.1:5038", `want HOST:PORT user NAME secret FILE`},
		{"asterisk 127.0.0.1:5038 user a secret /nonexistent", `read AMI secret: open /nonexistent`},
		{"asterisk 127.0.0.1:5038 user a secret " + dir + "/empty", `want the secret alone on one line`},
		{"asterisk 127.0.0.1:5038 user a secret " + dir + "/utf16.secret", `as plain text or UTF-8`},
		{"ttl 0s", `ttl "0s": want whole seconds from 1s to 1m`},
		{"delegate 97246 ns.example.org", `delegate "97246": want delegate +BLOCK`},
		{"delegate +97246", `want at least one name server`},
		{"delegate +97246 192.0.2.1", `192.0.2.1 stands before any name server`},
		{"delegate +97246 ns", `"ns": want delegate +BLOCK`},
		{"delegate +97246 ns.6.4.2.7.9.e164.fed.example", `nobody finds it without its address`},
		{"delegate +4930 ns1.fed.example 192.0.2.53", `ns1.fed.example. is a name of this zone, but not within the block`},
		{"delegate +4930 pbx-a.nodes.fed.example 192.0.2.53", `pbx-a.nodes.fed.example. is a name of this zone, but not within the block`},
		{"delegate +4930 fed.example 192.0.2.53", `fed.example. is a name of this zone, but not within the block`},
		{"delegate +9724 ns.example.org\ndelegate +97246 ns.example.org", `+97246 lies within that of +9724`},
		{"delegate +97246 ns.example.org ds 1 2", `delegate +97246: ds: want TAG`},
		{"dnssec /etc/key", `want dnssec key FILE...`},
		{"dnssec key /nonexistent", `read DNSSEC key: open /nonexistent.key`},
		{"plan 1xxx", `want plan EXTENSIONS +NUMBERS`},
		{"plan 1xxx +9723xx", `want as many x on both sides`},
		{"dial country", `want country CC`},
		{"dial national 0", `needs the country's code`},
		{"isn x", `isn: number "x": want 1 to 32 digits`},
		{"directory /nonexistent", `read directory: open /nonexistent`},
		{"directory /nonexistent region Mars", `region "Mars": want two capital letters`},
		{"ways cost luck distance", `ways: criterion "luck": want cost, health and distance`},
		{"ways cost", `ways: criteria "cost": want all of`},
		{"trunks /nonexistent", `read trunks: open /nonexistent`},
		{"trunks " + dir + "/ami.secret", `column "s3cret": want some of trunk, device`},
		{gossip + "node a\nrooms 5*", `trunks, rooms, queues and parking need "asterisk HOST:PORT`},
		{"rooms [", `rooms "[": want a pattern`},
		{"queues 6* [", `queues "[": want a pattern`},
		{"parking [", `parking "[": want a pattern`},
		{gossip + "node a\nparking 7*", `trunks, rooms, queues and parking need`},
		{"order fastest", `order "fastest": want newest, nearest or all`},
		{"profile moon", `profile "moon": want local, lan or wan`},
		{"rpc x", `rpc "x": want IP:PORT`},
		{"rpc 127.0.0.1:7373 secret", `want IP:PORT [key FILE] or off`},
		{"users [", `users "[": want a pattern`},
		{"update " + dir + "/update.key", `want update key FILE [KIND...] [since] [quota N] [names PATTERN...]`},
		{"update key /nonexistent", `read TSIG key: open /nonexistent`},
		{"update key " + dir + "/update.key pjsip", `update "pjsip": want kinds of user, number`},
		{"update key " + dir + "/update.key name 1*", `update "name": want kinds of`},
		{"update key " + dir + "/update.key number quota", `quota needs a number of records above zero`},
		{"update key " + dir + "/update.key quota 0 number", `quota needs a number of records above zero`},
		{"update key " + dir + "/update.key number names", `names needs a pattern`},
		{"update key " + dir + "/update.key names [", `names "[": want a pattern`},
		{"update key " + dir + "/update.key names 20-10", `names "20-10": want two numbers of as many digits`},
		{gossip + "node a\nupdate key " + dir + "/update.key\nupdate key " + dir + "/same-name.key", `another key has the name "update." too`},
		{"secondary 10.0.0.9", `secondary "10.0.0.9": want secondary [IP[:PORT]...] key FILE`},
		{"secondary key", `want secondary [IP[:PORT]...] key FILE`},
		{"secondary ns.example key " + dir + "/update.key", `secondary "ns.example": want`},
		{"secondary 0.0.0.0 key " + dir + "/update.key", `secondary "0.0.0.0": want`},
		{"secondary 10.0.0.9:0 key " + dir + "/update.key", `secondary "10.0.0.9:0": want`},
		{"secondary key /nonexistent", `read TSIG key: open /nonexistent`},
		{gossip + "node a\nupdate key " + dir + "/update.key\nsecondary key " + dir + "/same-name.key", `another key has the name "update." too`},
		{"join 10.0.0.2:x", `join "10.0.0.2:x": want HOST`},
	} {
		_, err := Read("Corefile", []byte("fed.example {\nfederation {\n"+c.block+"\n}\n}\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant …%s", c.block, err, c.want)
		}
	}
}

// An editor may have put a byte order mark before the secret.
func TestSecretWithByteOrderMark(t *testing.T) {
	dir := secrets(t)
	cfg, err := Read("Corefile", fmt.Appendf(nil, "fed.example {\nfederation {\nnode a\naddress 10.0.0.1\ngossip 10.0.0.1:7946 key %[1]s/gossip.key\n"+
		"asterisk 127.0.0.1:5038 user a secret %[1]s/bom.secret\n}\n}\n", dir))
	if err != nil || cfg.Asterisk.Secret != "s3cret" {
		t.Errorf("%v, error %v", cfg, err)
	}
}
