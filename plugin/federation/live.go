package federation

import (
	"fmt"

	"github.com/miekg/dns"
)

// The live zone of a node, NODE.live.<origin>, holds what its Asterisk lists at
// this moment, in the records of its home zone, so that the two can be compared
// (asterfed ask verify). The node alone answers it, by AXFR; the channels stand
// at channels.NODE.live.<origin>.
const liveTree = "live"

// liveAnswer answers below live: about is the name without it.
func (f *Federation) liveAnswer(w dns.ResponseWriter, r, m *dns.Msg, about string) (int, error) {
	cfg, view := f.node.Config(), f.node.View()
	q := r.Question[0]
	own := cfg.Node + "." + f.origin
	transfer := q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR
	switch {
	case about == own && transfer:
		z, err := f.node.LiveZone()
		if err != nil {
			return f.unavailable(w, r, m, err)
		}
		return f.transfer(w, r, dns.CanonicalName(q.Name), z, f.node.Config().Key, f.snapshots)
	case transfer:
		m.Rcode = dns.RcodeRefused // only the node itself knows
	case about == "channels."+own && q.Qtype == dns.TypeTXT:
		answer, err := f.node.LiveChannels(q.Name)
		if err != nil {
			return f.unavailable(w, r, m, err)
		}
		m.Answer = answer
	case about == statusLabel+"."+own && q.Qtype == dns.TypeTXT:
		answer, err := f.node.Status(q.Name)
		if err != nil {
			return f.unavailable(w, r, m, err)
		}
		m.Answer = answer
	case about == own || about == "channels."+own || about == statusLabel+"."+own || about == f.origin:
		m.Ns = view.Lookup(f.origin, dns.TypeSOA).Answer
	default:
		m.Rcode = dns.RcodeNameError
		m.Ns = view.Lookup(f.origin, dns.TypeSOA).Answer
	}
	return f.write(w, r, m)
}

// unavailable is SERVFAIL, with the reason for whoever sent an OPT.
func (f *Federation) unavailable(w dns.ResponseWriter, r, m *dns.Msg, err error) (int, error) {
	m.Rcode = dns.RcodeServerFailure
	reason(m, r, fmt.Errorf("ask Asterisk: %w", err))
	return f.write(w, r, m)
}

// statusLabel is the name, below a node's live zone, at which the node says how
// it is: one record of itself, one of each other node as seen from here, and one
// of each trouble that a person should mend (asterfed status).
const statusLabel = "status"
