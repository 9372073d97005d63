package federation

import (
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/miekg/dns"
)

// maxReads is how many transfers the holder of one update key may have under way.
// Others wait.
const maxReads = 2

// writer is an update key as one that reads.
type writer struct {
	key   *tsig.Key
	rules update.Rules
	slots chan struct{} // for its full transfers
}

// writersOf returns the writers of a node, by the names of their keys.
func writersOf(updates []config.Permission) map[string]*writer {
	out := map[string]*writer{}
	for _, p := range updates {
		w := out[p.Key.Name]
		if w == nil {
			w = &writer{key: p.Key, slots: make(chan struct{}, maxReads)}
			out[p.Key.Name] = w
		}
		w.rules = append(w.rules, p.Rule)
	}
	return out
}

// writerOf returns the writer of a key that may publish in the home zone of this
// node, if qname is at or below the apex of that zone; else nil.
func (f *Federation) writerOf(qname, key string) *writer {
	if !belowHomes(qname, f.origin) || !within(qname, record.HomeZone(f.authority.cfg.Node, f.origin)) {
		return nil
	}
	return f.writers[key]
}

// read answers a query that an update key has signed, in the zone that it
// publishes in. Programs look there for the SOA to find the zone of a name (RFC
// 2136 §1.1), and some transfer the zone to see what they have published. They see
// the SOA, NS and TXT of the apex and, below it, what the key may write.
func (f *Federation) read(w dns.ResponseWriter, r *dns.Msg, qname string, who *writer) (int, error) {
	apex := record.HomeZone(f.authority.cfg.Node, f.origin)
	q := r.Question[0]
	if t := tsigOf(r, who.key.Name); t != nil && dns.CanonicalName(t.Algorithm) != who.key.Algorithm {
		return f.tsigError(w, r, t, dns.RcodeBadKey)
	}
	z := f.authority.homeZone(f.authority.cfg.Node)
	if z == nil {
		return f.fail(w, r, dns.RcodeServerFailure) // not yet: nothing is listed
	}
	if q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		if qname != apex {
			return f.fail(w, r, dns.RcodeRefused)
		}
		return f.transfer(w, r, apex, own{z, who.rules}, who.key, who.slots)
	}
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative, m.RecursionAvailable = true, false
	records := f.authority.apexRecords(apex)
	soa := records[0]
	if qname != apex {
		records = f.authority.published(qname, apex, who.rules)
	}
	for _, rr := range records {
		if t := rr.Header().Rrtype; t == q.Qtype || q.Qtype == dns.TypeANY {
			m.Answer = append(m.Answer, rr)
		}
	}
	if len(m.Answer) == 0 {
		// NODATA, also where there is nothing: NXDOMAIN would tell which names
		// others have.
		m.Ns = []dns.RR{soa}
	}
	return f.write(w, r, m)
}

// own is a home zone as the holder of an update key sees it.
type own struct {
	stream.Zone
	rules update.Rules
}

// Since implements stream.Zone. There are no deltas: they are of the whole zone.
func (z own) Since(serial uint32) (record.Version, []record.Delta, bool) {
	v, _, _ := z.Zone.Since(serial)
	return v, nil, v.Serial == serial
}

// Snapshot implements stream.Zone.
func (z own) Snapshot() (record.Version, record.Node, []location.Binding) {
	v, n, all := z.Zone.Snapshot()
	var out []location.Binding
	for _, b := range all {
		if z.rules.Own(b) {
			out = append(out, b)
		}
	}
	return v, n, out
}

// slotted is a zone whose full transfers take turns: each has the whole zone in
// memory for as long as its reader takes.
type slotted struct {
	stream.Zone
	slots chan struct{}
	taken bool
}

// Snapshot implements stream.Zone. It waits for a slot; a reader that has one either goes
// on or is cut off (see writeStall).
func (z *slotted) Snapshot() (record.Version, record.Node, []location.Binding) {
	if !z.taken {
		z.slots <- struct{}{}
		z.taken = true
	}
	return z.Zone.Snapshot()
}

// release gives the slot back.
func (z *slotted) release() {
	if z.taken {
		<-z.slots
		z.taken = false
	}
}

// published returns the records at a name that rules permit to write.
func (r *authority) published(qname, apex string, rules update.Rules) (out []dns.RR) {
	kinds, name := record.ParseOwner(qname, apex)
	if len(kinds) == 0 {
		return nil
	}
	r.primary.ReadPublished(func(p *location.Publications) {
		for _, b := range p.At(kinds[0], name) {
			if rules.Own(b) {
				out = append(out, record.TXT(b, apex, r.zone.TTL()))
			}
		}
	})
	return out
}
