package zone

import (
	"net/netip"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// ORDER is the same everywhere, PREFERENCE ranks (RFC 3403 §4.1).
const naptrOrder = 100

// The SRV owner labels that a node's services stand under (RFC 2782), with
// the NAPTR service field of RFC 3263 §4.1.
var srvServices = []struct{ label, proto, naptr string }{
	{"_sip._udp", "udp", "SIP+D2U"},
	{"_sip._tcp", "tcp", "SIP+D2T"},
	{"_sips._tcp", "tls", "SIPS+D2T"},
}

const iaxLabel = "_iax._udp"

// nodeRecords are the records of one node, made once whenever it changes.
// The RRs are shared: whoever needs another owner copies them.
type nodeRecords struct {
	host  string
	zone  string              // of the federation, without the last dot
	addrs map[uint16][]dns.RR // A, AAAA
	srv   map[string]*dns.SRV // label → record with owner and priority unset
	naptr []dns.RR            // D2x of the host itself
	txt   dns.RR
	sip   bool // publishes E2U+sip and E2U+pjsip
	iax   bool

	facings []facingRecords // the longest network first
}

// facingRecords are what askers of one network get instead.
type facingRecords struct {
	net     netip.Prefix
	records *nodeRecords
}

// toward returns the node's records as an asker gets them. r may be nil.
func (r *nodeRecords) toward(a record.Client) *nodeRecords {
	if r != nil {
		for i := range r.facings {
			if a.Within(r.facings[i].net) {
				return r.facings[i].records
			}
		}
	}
	return r
}

// toward returns the node's records as an asker gets them, nil while it has
// told of none.
func (h *Home) toward(a record.Client) *nodeRecords { return h.records.Load().toward(a) }

func newNodeRecords(n record.Node, origin string, ttl uint32) *nodeRecords {
	host := record.NodeName(n.Name, origin)
	r := &nodeRecords{host: host, zone: strings.TrimSuffix(origin, "."), addrs: map[uint16][]dns.RR{}, srv: map[string]*dns.SRV{}, iax: n.IAX != 0}
	hdr := func(t uint16) dns.RR_Header {
		return dns.RR_Header{Name: host, Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
	}
	for _, a := range n.Addrs {
		if a.Is4() {
			r.addrs[dns.TypeA] = append(r.addrs[dns.TypeA], &dns.A{Hdr: hdr(dns.TypeA), A: a.AsSlice()})
		} else {
			r.addrs[dns.TypeAAAA] = append(r.addrs[dns.TypeAAAA], &dns.AAAA{Hdr: hdr(dns.TypeAAAA), AAAA: a.AsSlice()})
		}
	}
	srv := func(port uint16) *dns.SRV {
		return &dns.SRV{Hdr: hdr(dns.TypeSRV), Priority: 10, Weight: 10, Port: port, Target: host}
	}
	for i, s := range srvServices {
		for _, t := range n.SIP {
			if t.Proto != s.proto || r.srv[s.label] != nil {
				continue
			}
			r.sip = true
			r.srv[s.label] = srv(t.Port)
			rr := naptrD2(host, s.naptr, s.label+"."+host, uint16(10*(i+1)), ttl)
			r.naptr = append(r.naptr, &rr)
		}
	}
	if n.IAX != 0 {
		r.srv[iaxLabel] = srv(n.IAX)
	}
	r.txt = &dns.TXT{Hdr: hdr(dns.TypeTXT), Txt: nodeTXT(n)}
	for _, f := range n.Horizons {
		r.facings = append(r.facings, facingRecords{f.Net, newNodeRecords(n.For(record.Client{Net: f.Net}), origin, ttl)})
	}
	return r
}

// nodeTXT is what a person reads at a node's name.
func nodeTXT(n record.Node) []string {
	out := []string{"node=" + n.Name, "state=" + string(n.State)}
	if n.Asterisk != "" {
		out = append(out, "asterisk="+n.Asterisk)
	}
	if n.Region != "" {
		out = append(out, "region="+n.Region)
	}
	return out
}

// naptrD2 is a NAPTR that leads from a domain to its SRV (RFC 3263 §4.1).
func naptrD2(owner, service, replacement string, pref uint16, ttl uint32) dns.NAPTR {
	return dns.NAPTR{
		Hdr:   dns.RR_Header{Name: owner, Rrtype: dns.TypeNAPTR, Class: dns.ClassINET, Ttl: ttl},
		Order: naptrOrder, Preference: pref, Flags: "s", Service: service, Replacement: replacement,
	}
}

// trunkAccount is the IAX2 user that calls which leave by another node's trunk
// are made as: whoever has the account of users only does not get out.
const trunkAccount = "fedtrunk"

// naptrE2U appends the ENUM records (RFC 6116 §3.4) that send calls to u at the
// node. Each has flag "u" and a regexp that matches every number: one that
// does not makes Asterisk discard the whole answer. The text holds only what
// location.ParseAOR and CheckNodeName let through. A call that leaves by a trunk
// names it as RFC 4904 has it, so that nobody takes the way out for a user.
// A record whose regexp would be longer than a string can be (RFC 1035 §3.3) is
// left out, and whole is false.
func (r *nodeRecords) naptrE2U(s *scratch, out []dns.RR, owner string, u uri, pref uint16, ttl uint32) (_ []dns.RR, whole bool) {
	whole = true
	match, user, account := "!^.*$!", string(u.user), "fed"
	if user == "" { // what was dialled; dns.NAPTR takes two backslashes for one
		match, user = "!^(.*)$!", `\\1`
	}
	if u.via != "" {
		if u.user == "" { // a trunk takes numbers in full
			match, user = "!^[+]?(.*)$!", `+\\1`
		}
		user = s.join(user, ";tgrp=", string(u.via), ";trunk-context=", r.zone) // RFC 4904 §5
		account = trunkAccount
	}
	add := func(service, regexp string) {
		if len(regexp) > location.MaxString {
			whole = false
			return
		}
		rr := s.takeNAPTR()
		*rr = dns.NAPTR{
			Hdr:   dns.RR_Header{Name: owner, Rrtype: dns.TypeNAPTR, Class: dns.ClassINET, Ttl: ttl},
			Order: naptrOrder, Preference: pref, Flags: "u", Service: service,
			Regexp: regexp, Replacement: ".",
		}
		out = append(out, rr)
	}
	host := r.host[:len(r.host)-1]
	if r.sip {
		// ENUMLOOKUP's default method is "sip" up to Asterisk 18 or so and
		// "pjsip" later: publish both.
		sip := s.join(match, "sip:", user, "@", host, "!")
		add("E2U+sip", sip)
		add("E2U+pjsip", sip)
	}
	if r.iax {
		add("E2U+iax2", s.join(match, "iax2:", account, "@", host, "/", user, "!"))
	}
	return out, whole
}

// srvAt returns the node's SRV for a service under another owner, with the
// weight among equals, if that is known.
func (r *nodeRecords) srvAt(s *scratch, label, owner string, priority, weight uint16) dns.RR {
	rr := r.srv[label]
	if rr == nil {
		return nil
	}
	c := s.takeSRV()
	*c = *rr
	c.Hdr.Name, c.Priority = owner, priority
	if weight != 0 {
		c.Weight = weight
	}
	return c
}

// soa makes rr the SOA of the federation zone as this node answers it.
func (v *View) soa(rr *dns.SOA) *dns.SOA { return v.soaAt(rr, v.serial.Load()) }

// SOA returns the SOA of the federation zone at a serial, which is this node's
// own: MNAME says so.
func (v *View) SOA(serial uint32) *dns.SOA { return v.soaAt(new(dns.SOA), serial) }

func (v *View) soaAt(rr *dns.SOA, serial uint32) *dns.SOA {
	*rr = dns.SOA{
		Hdr:    dns.RR_Header{Name: v.origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: v.ttl},
		Ns:     v.host,
		Mbox:   v.mailbox,
		Serial: serial, Refresh: record.SOARefresh, Retry: record.SOARetry, Expire: record.SOAExpire, Minttl: v.ttl,
	}
	return rr
}

func preference(i int) uint16 { return uint16(10 * (i + 1)) }
