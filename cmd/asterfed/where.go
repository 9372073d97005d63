package main

import (
	"fmt"
	"net"
	"time"

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
	Flags:  []cli.Flag{confFlag, serverFlag, jsonFlag},
	Action: where,
}

func where(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	cfg, err := local(c)
	if err != nil {
		return err
	}
	owner, err := ownerOf(name, cfg.DirectoryRegion)
	if err != nil {
		return usage(err)
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
	r, err := exchange(at, owner+"."+cfg.Origin, dns.TypeNAPTR)
	if err != nil {
		return silent(err)
	}
	switch r.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		return silent(fmt.Errorf("%s: %s does not know yet: it has not heard of every node (SERVFAIL)", name, at))
	default:
		return silent(fmt.Errorf("%s: %s answered %s", name, at, dns.RcodeToString[r.Rcode]))
	}
	out := newListing("PREFERENCE", "SERVICE", "URI")
	for _, rr := range r.Answer {
		if p, ok := rr.(*dns.NAPTR); ok {
			if uri, ok := record.ENUMResult(p.Regexp, dialled); ok {
				out.add(int(p.Preference), p.Service, uri)
			}
		}
	}
	switch {
	case len(out.rows) > 0:
		return out.print(c)
	case r.Rcode == dns.RcodeNameError:
		return no("%s: registered nowhere, and no published number, prefix or trunk covers it", name)
	case referred(r):
		return no("%s: delegated to another federation: ask its name servers, or a resolver", name)
	}
	return no("%s: known, but calls go nowhere now; asterfed explain %s says why", name, name)
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

// exchange asks over UDP, and over TCP if the answer is truncated.
func exchange(server, qname string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	m.SetEdns0(1232, false)
	r, _, err := (&dns.Client{Timeout: askLimit}).Exchange(m, server)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Net: "tcp", Timeout: askLimit}).Exchange(m, server)
	}
	if err != nil {
		return nil, unreachable(server, err)
	}
	return r, nil
}

// askLimit is how long a node may take to answer a question that it answers from
// memory.
const askLimit = 2 * time.Second

// unreachable says which node does not answer, and how it fails.
func unreachable(server string, err error) error {
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		return fmt.Errorf("no answer from %s in time: is asterfed serving there, and does a packet filter let port 53 through?", server)
	}
	return fmt.Errorf("no answer from %s: %w (is asterfed serving there?)", server, err)
}
