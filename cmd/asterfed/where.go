package main

import (
	"fmt"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"
)

var whereCommand = &cli.Command{
	Name:      "where",
	Usage:     "show where calls to a user, number or trunk go now",
	ArgsUsage: "NAME",
	Description: "Sends the ENUM query that Asterisk sends. NAME is a user (alice, 1001), a number\n" +
		"(+97231231001, \"+49 30 1234-501\"), or berlin.trunks and the like.\n\n" +
		"Exit code 1 means that calls go nowhere, 3 that the node is silent or does not know yet.",
	Flags:  []cli.Flag{confFlag, serverFlag, command.JSONFlag},
	Action: where,
}

func where(c *cli.Context) error {
	name, err := command.OneName(c)
	if err != nil {
		return err
	}
	cfg, err := local(c)
	if err != nil {
		return err
	}
	owner, err := ownerOf(name, cfg.DirectoryRegion)
	if err != nil {
		return command.Usage(err)
	}
	dialled := name
	if digits, number, _ := digitsOf(name, cfg.DirectoryRegion); number {
		dialled = digits
		if digits != name {
			dialled = "+" + digits
		}
	}
	at, err := server(c, cfg)
	if err != nil {
		return err
	}
	r, err := command.Exchange(at, owner+"."+cfg.Origin, dns.TypeNAPTR)
	if err != nil {
		return command.Silent(err)
	}
	switch r.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		return command.Silent(fmt.Errorf("%s: %s does not know yet: it has not heard of every node (SERVFAIL)", name, at))
	default:
		return command.Silent(fmt.Errorf("%s: %s answered %s", name, at, dns.RcodeToString[r.Rcode]))
	}
	out := command.NewListing("PREFERENCE", "SERVICE", "URI")
	for _, rr := range r.Answer {
		if p, ok := rr.(*dns.NAPTR); ok {
			if uri, ok := record.ENUMResult(p.Regexp, dialled); ok {
				out.Add(int(p.Preference), p.Service, uri)
			}
		}
	}
	switch {
	case out.Len() > 0:
		return out.Print(c)
	case r.Rcode == dns.RcodeNameError:
		return command.No("%s: registered nowhere, and no published number, prefix or trunk covers it", name)
	case referred(r):
		return command.No("%s: delegated to another federation: ask its name servers, or a resolver", name)
	}
	return command.No("%s: known, but calls go nowhere now; asterfed explain %s says why", name, name)
}

// referred reports whether the answer is a referral (RFC 9499 §4).
func referred(r *dns.Msg) bool {
	for _, rr := range r.Ns {
		if rr.Header().Rrtype == dns.TypeNS && !r.Authoritative {
			return true
		}
	}
	return false
}
