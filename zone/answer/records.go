package answer

import (
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// trunkAccount is the IAX2 user that calls which leave by another node's trunk
// are made as: the account of users does not lead out.
const trunkAccount = "fedtrunk"

// naptrE2U appends the ENUM records (RFC 6116 §3.4) that send calls to u at the
// node. Each has flag "u" and a regexp that matches every number: one that
// does not makes Asterisk discard the whole answer. The text holds only what
// location.ParseAOR and CheckNodeName let through. A call that leaves by a trunk
// names it as RFC 4904 has it, so that nobody takes the way out for a user.
// A record whose regexp would be longer than a string can be (RFC 1035 §3.3) is
// left out, and whole is false.
func naptrE2U(r *record.Host, s *scratch, out []dns.RR, owner string, u uri, pref uint16, ttl uint32) (_ []dns.RR, whole bool) {
	whole = true
	match, user, account := "!^.*$!", string(u.user), "fed"
	if user == "" { // what was dialled; dns.NAPTR takes two backslashes for one
		match, user = "!^(.*)$!", `\\1`
	}
	if u.via != "" {
		if u.user == "" { // a trunk takes numbers in full
			match, user = "!^[+]?(.*)$!", `+\\1`
		}
		user = s.join(user, ";tgrp=", string(u.via), ";trunk-context=", r.Zone) // RFC 4904 §5
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
			Order: record.NAPTROrder, Preference: pref, Flags: "u", Service: service,
			Regexp: regexp, Replacement: ".",
		}
		out = append(out, rr)
	}
	host := r.Name[:len(r.Name)-1]
	if r.SIP {
		// ENUMLOOKUP's default method is "sip" up to Asterisk 18 or so and
		// "pjsip" later: publish both.
		sip := s.join(match, "sip:", user, "@", host, "!")
		add("E2U+sip", sip)
		add("E2U+pjsip", sip)
	}
	if r.IAX {
		add("E2U+iax2", s.join(match, "iax2:", account, "@", host, "/", user, "!"))
	}
	return out, whole
}

// srvAt returns the node's SRV for a service under another owner, with the
// weight among equals, if that is known.
func srvAt(r *record.Host, s *scratch, label, owner string, priority, weight uint16) dns.RR {
	rr := r.SRV[label]
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
func (v *Zone) soa(rr *dns.SOA) *dns.SOA { return v.soaAt(rr, v.serial.Load()) }

// SOA returns the SOA of the federation zone at a serial, which is this node's
// own: MNAME says so.
func (v *Zone) SOA(serial uint32) *dns.SOA { return v.soaAt(new(dns.SOA), serial) }

func (v *Zone) soaAt(rr *dns.SOA, serial uint32) *dns.SOA {
	*rr = dns.SOA{
		Hdr:    dns.RR_Header{Name: v.origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: v.ttl},
		Ns:     v.host,
		Mbox:   v.mailbox,
		Serial: serial, Refresh: record.SOARefresh, Retry: record.SOARetry, Expire: record.SOAExpire, Minttl: v.ttl,
	}
	return rr
}

func preference(i int) uint16 { return uint16(10 * (i + 1)) }

// Serial returns the serial of the federation zone as it is answered here.
func (v *Zone) Serial() uint32 { return v.serial.Load() }

// SetSerial makes the answers tell another serial.
func (v *Zone) SetSerial(serial uint32) { v.serial.Store(serial) }
