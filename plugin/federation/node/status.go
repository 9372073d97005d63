package node

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// patience is how long something may go on that mends itself as a rule, before it
// is a trouble.
const patience = 10 * time.Second

// trouble is something that does not mend itself.
type trouble struct {
	Code   string // one word, for programs
	About  string // the node that it is about
	What   string // what is wrong, as a sentence without a full stop
	Remedy string // what to do, likewise
}

// Status returns the records that say how this node is.
func (n *Node) Status(owner string) []dns.RR { return status{n}.records(owner) }

// status describes a node and what it sees of others.
type status struct{ *Node }

func (o status) records(owner string) []dns.RR {
	ttl := o.view.TTL()
	out := []dns.RR{record.StringsTXT(owner, ttl, append([]string{record.TXTVersion, "n=0"}, o.own()...)...)}
	add := func(words []string) {
		out = append(out, record.StringsTXT(owner, ttl, append([]string{record.TXTVersion, "n=" + strconv.Itoa(len(out))}, words...)...))
	}
	members := o.neighbours()
	for _, m := range members {
		add(o.seen(m))
	}
	for _, t := range o.troubles(members) {
		add([]string{"trouble=" + t.Code, "about=" + t.About, "what=" + escaped(t.What), "remedy=" + escaped(t.Remedy)})
	}
	return out
}

// escaped keeps a backslash in a text that the library would take for an escape.
func escaped(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

// own says how this node is, in key=value words.
func (o status) own() []string {
	n, v := o.primary.Node(), o.primary.Version()
	registered, published := 0, 0
	o.primary.Read(func(s *location.Store) { registered = s.Len() })
	o.primary.ReadPublished(func(p *location.Publications) { published = len(p.Bindings()) })
	words := []string{"node=" + o.cfg.Node, "zone=" + o.cfg.Origin, "asterfed=" + o.tags.software(), "since=" + o.recovery.began.UTC().Format(time.RFC3339),
		"state=" + string(n.State), "ami=" + o.amiState(), "registered=" + strconv.Itoa(registered), "published=" + strconv.Itoa(published),
		"epoch=" + v.Epoch, "serial=" + strconv.Itoa(int(v.Serial)), "dns=" + o.cfg.Transfer.String()}
	if n.Asterisk != "" {
		words = append(words, "asterisk="+n.Asterisk)
	}
	if !o.view.Settled() {
		words = append(words, "settled=no")
	}
	return words
}

func (o status) amiState() string {
	if o.asterisk.source == nil {
		return "none"
	}
	return o.asterisk.monitor.AMI().State.String()
}

// neighbours are the other nodes of the federation that have not left, by name.
func (o status) neighbours() (out []serf.Member) {
	for _, m := range o.gossip.Members() {
		// A node that Serf does not reach and that is not followed has another name now.
		gone := m.Status != serf.StatusAlive && o.peers.member(m.Name) == nil
		if m.Name != o.cfg.Node && m.Status != serf.StatusLeft && m.Tags["zone"] == o.cfg.Origin && !gone {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b serf.Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// seen says how another node looks from here.
func (o status) seen(m serf.Member) []string {
	h := o.view.Home(m.Name)
	n, _ := h.Node()
	v := h.Version()
	words := []string{"peer=" + m.Name, "member=" + m.Status.String(), "dns=" + m.Tags["dns"], "reach=" + h.Reach().String(),
		"state=" + string(n.State), "bindings=" + strconv.Itoa(h.Len()), "epoch=" + v.Epoch, "serial=" + strconv.Itoa(int(v.Serial)),
		"asterfed=" + m.Tags["asterfed"]}
	if p := o.peers.member(m.Name); p != nil {
		s := p.peer.Stats()
		words = append(words, "lag="+time.Since(s.Level).Round(time.Millisecond).String(), "rtt="+s.RTT.Round(time.Microsecond).String(),
			"transfers="+strconv.FormatInt(s.Full+s.Incremental, 10), "failed="+strconv.FormatInt(s.Failed, 10))
		if at := p.pulledAt.Load(); at != 0 {
			words = append(words, "transferred="+time.Unix(0, at).UTC().Format(time.RFC3339))
		}
	}
	return words
}

// troubles are what a person should mend, this node's own first.
func (o status) troubles(members []serf.Member) (out []trouble) {
	add := func(code, about, what, remedy string) { out = append(out, trouble{code, about, what, remedy}) }
	self := o.cfg.Node
	if code, what, remedy := o.amiTrouble(); code != "" {
		add(code, self, what, remedy)
	}
	if err := o.primary.DiskErr(); err != nil {
		add("disk", self, "what is registered cannot be kept on disk: "+err.Error(), "make room in "+o.cfg.Data+" and check who owns it")
	}
	if !o.view.Settled() && time.Since(o.recovery.began) > patience {
		add("unsettled", self, "it does not know every node yet, and answers SERVFAIL for users that it does not know",
			"mend what is said of the seeds and of the nodes below")
	}
	if len(members) == 0 && len(o.cfg.Join) > 0 && time.Since(o.recovery.began) > patience {
		for _, e := range o.gossip.JoinErrors() {
			add("join", self, "seed "+e.Seed+": "+e.Why, strings.TrimSuffix(e.Remedy, "."))
		}
		if len(out) == 0 {
			add("join", self, "no other node is known, though the Corefile names seeds", "check the join line, the gossip key and the gossip port")
		}
	}
	bad, homeless := o.directory.BadLines()
	if bad > 0 {
		add("directory", self, fmt.Sprintf("%d lines of the directory were left out", bad), "see the log for the lines, and mend "+o.cfg.Directory)
	}
	if homeless > 0 {
		add("home", self, fmt.Sprintf("%d lines of the directory name homes that no node has", homeless), "see the log for the names, and mend "+o.cfg.Directory)
	}
	for _, m := range members {
		out = append(out, o.peerTroubles(m)...)
	}
	return out
}

// amiTrouble says what keeps this node from its Asterisk.
func (o status) amiTrouble() (code, what, remedy string) {
	if o.asterisk.source == nil {
		if o.primary.Node().State == record.Down {
			return "asterisk", "its SIP server does not answer", "start it, and compare its SIP port with the sip line of the Corefile"
		}
		return "", "", ""
	}
	s := o.asterisk.monitor.AMI()
	at := o.cfg.Asterisk.Addr
	switch {
	case s.State == ami.Ready:
		return "", "", ""
	case s.State == ami.Down && s.Shutdown:
		return "asterisk", "Asterisk has stopped", "start it"
	case s.State == ami.Down && ami.Unauthorized(s.Err):
		return "ami", fmt.Sprintf("Asterisk at %s refuses the login of manager user %q", at, o.cfg.Asterisk.User),
			"compare user, secret and permit in manager.conf with the asterisk line of the Corefile and its secret file"
	case s.State == ami.Down && o.primary.Node().State == record.Down:
		return "asterisk", fmt.Sprintf("Asterisk answers neither AMI at %s nor SIP: %v", at, s.Err), "start Asterisk"
	case s.State == ami.Down:
		return "ami", fmt.Sprintf("Asterisk answers SIP, but not AMI at %s: %v", at, s.Err),
			"enable AMI in manager.conf (enabled = yes, bindaddr, port); until then new registrations are not seen"
	case s.Err != nil:
		return "ami", "Asterisk refuses to list registrations: " + s.Err.Error(), "give the manager user read = system,security and write = system"
	case time.Since(o.recovery.began) > patience && !s.At.IsZero() && time.Since(s.At) > patience:
		return "ami", "Asterisk has not finished starting (" + s.State.String() + ")", "see its own log"
	}
	return "", "", ""
}

// peerTroubles says what is wrong with another node as seen from here.
func (o status) peerTroubles(m serf.Member) (out []trouble) {
	add := func(code, what, remedy string) { out = append(out, trouble{code, m.Name, what, remedy}) }
	h, p := o.view.Home(m.Name), o.peers.member(m.Name)
	n, _ := h.Node()
	port := m.Tags["dns"]
	switch reach := h.Reach(); {
	case p == nil:
		add("address", "its tag dns is no address: "+strconv.Quote(port), "give it a transfer line with an IP address")
		return out
	case reach == view.Alive && p.keyRefused():
		add("key", "it and this node have different transfer keys, or their clocks differ", "compare the key files of the transfer lines, and the clocks")
	case reach == view.Alive && n.State == record.Down:
		add("asterisk", "its Asterisk is down; calls go to the other homes of its users", "see asterfed status there")
	case reach == view.Alive:
	case m.Status == serf.StatusAlive:
		add("port", "it is alive for Serf, but its DNS server at "+port+" does not answer over TCP",
			"let TCP to port "+portOf(port)+" through the packet filters in between, in both directions")
	case reach == view.Orphan:
		add("silent", "its asterfed is silent, its Asterisk answers; its users stay, ranked last", "start asterfed there")
	default:
		add("gone", "neither its asterfed nor its Asterisk answers; its users are hidden",
			"start it; if it will not come back: asterfed leave "+m.Name)
	}
	s := p.peer.Stats()
	if s.Differs {
		add("differs", "its home zone as transferred here differs from its own; calls may go wrong until the next transfer", "see the log of both nodes")
	}
	if s.Refused > 0 {
		add("refused", fmt.Sprintf("%d of its records must not be published, and are left out here", s.Refused), "see the log of this node for the names")
	}
	if skew := s.Skew.Abs(); skew > 0 {
		add("clock", fmt.Sprintf("its clock differs from this node's by %s", skew.Round(time.Second)), "run an NTP client on both")
	}
	return out
}

func portOf(addr string) string {
	if _, port, err := net.SplitHostPort(addr); err == nil {
		return port
	}
	return addr
}
