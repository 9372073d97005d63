package config

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

const delegateForm = "delegate +BLOCK NAMESERVER [IP...] [NAMESERVER [IP...]...] [ds TAG ALGORITHM TYPE DIGEST]..."

// delegate reads one delegation.
func (p *parser) delegate(args []string) error {
	digits, err := location.ParseDigits(strings.TrimPrefix(args[0], "+"))
	if err != nil || !strings.HasPrefix(args[0], "+") {
		return p.Errf("delegate %q: want %s", args[0], delegateForm)
	}
	d := answer.Delegation{Block: digits}
	for rest := args[1:]; len(rest) > 0; {
		if rest[0] == "ds" {
			ds, err := parseDS(rest[1:])
			if err != nil {
				return p.Errf("delegate +%s: %v", digits, err)
			}
			d.DS, rest = append(d.DS, ds), rest[5:]
			continue
		}
		if a, err := netip.ParseAddr(rest[0]); err == nil && a.Zone() == "" && !a.IsUnspecified() {
			if len(d.Servers) == 0 {
				return p.Errf("delegate +%s: %s stands before any name server: want %s", digits, a, delegateForm)
			}
			s := &d.Servers[len(d.Servers)-1]
			s.Addrs = append(s.Addrs, a.Unmap())
		} else if _, ok := dns.IsDomainName(rest[0]); ok && strings.Contains(rest[0], ".") {
			d.Servers = append(d.Servers, answer.NameServer{Name: dns.CanonicalName(rest[0])})
		} else {
			return p.Errf("delegate +%s: %q: want %s", digits, rest[0], delegateForm)
		}
		rest = rest[1:]
	}
	list := append(p.cfg.Delegations, d)
	if err := answer.CheckDelegations(list, p.cfg.Origin); err != nil {
		return p.Errf("%v", err)
	}
	apex := record.ENUM(digits) + "e164." + p.cfg.Origin
	for _, s := range d.Servers {
		if dns.IsSubDomain(apex, s.Name) && len(s.Addrs) == 0 {
			return p.Errf("delegate +%s: %s lies within the block: nobody finds it without its address behind it", digits, s.Name)
		}
	}
	p.cfg.Delegations = list
	return nil
}

func parseDS(args []string) (*dns.DS, error) {
	if len(args) < 4 {
		return nil, errors.New("ds: want TAG ALGORITHM TYPE DIGEST, as dnssec-dsfromkey prints them")
	}
	rr, err := dns.NewRR(". DS " + strings.Join(args[:4], " "))
	if err != nil {
		return nil, err
	}
	return rr.(*dns.DS), nil
}
