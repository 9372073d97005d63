package federation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// update answers an UPDATE whose signature, if it has one, is good.
func (f *Federation) update(w dns.ResponseWriter, r *dns.Msg, key string) (int, error) {
	state := request.Request{W: w, Req: r}
	t := tsigOf(r, key)
	take := func() error { return f.node.Update(r, key, t) }
	var err error
	if t != nil && state.Proto() == "udp" {
		err = f.resent.once(fmt.Sprintf("%s %s %d %s", state.IP(), state.Port(), r.Id, t.MAC), take)
	} else {
		err = take()
	}
	rcode, name := rcodeOf(err)
	updateCount.WithLabelValues(f.origin, name).Inc()
	if err != nil {
		f.complain(name, key, state.IP(), err)
	}
	switch {
	case errors.Is(err, update.ErrTime):
		return f.tsigError(w, r, t, dns.RcodeBadTime)
	case errors.Is(err, ErrKeyAlgorithm):
		return f.tsigError(w, r, t, dns.RcodeBadKey)
	}
	m := new(dns.Msg)
	m.SetRcode(r, rcode)
	if err != nil && key != "" {
		reason(m, r, err)
	}
	return f.write(w, r, m)
}

// rcodeOf returns the rcode that tells an error, and its name: trouble that is
// not the message's is SERVFAIL.
func rcodeOf(err error) (int, string) {
	rcode := dns.RcodeServerFailure
	var refusal *update.Refusal
	switch {
	case err == nil:
		rcode = dns.RcodeSuccess
	case errors.Is(err, update.ErrTime):
		return dns.RcodeNotAuth, dns.RcodeToString[dns.RcodeBadTime]
	case errors.Is(err, ErrKeyAlgorithm):
		return dns.RcodeNotAuth, dns.RcodeToString[dns.RcodeNotAuth]
	case errors.As(err, &refusal):
		rcode = refusal.Rcode
	case errors.Is(err, zone.ErrUnpublishable):
		rcode = dns.RcodeRefused
	}
	return rcode, dns.RcodeToString[rcode]
}

// complain logs why an update was not taken. Whoever has no key cannot fill
// the log.
func (f *Federation) complain(rcode, key, from string, err error) {
	level := slog.LevelWarn
	if key == "" {
		level = slog.LevelDebug
	}
	f.node.Logger().With("source", "update").Log(context.Background(), level, "update not taken", "rcode", rcode, "key", key, "from", from, "why", err)
}

// reason tells whoever sent an OPT why (RFC 8914): the rcode alone says
// little to a person.
func reason(m, r *dns.Msg, err error) {
	if r.IsEdns0() == nil {
		return
	}
	text := err.Error()
	if len(text) > maxReason {
		text = text[:maxReason]
	}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeOther, ExtraText: text})
	m.Extra = append(m.Extra, opt)
}

// maxReason bounds the text of a reason, in octets.
const maxReason = 300
