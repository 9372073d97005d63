package main

import (
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"
)

var whereCommand = &cli.Command{
	Name:      "where",
	Usage:     "tell where a user lives now",
	ArgsUsage: "NAME",
	Flags:     []cli.Flag{confFlag, serverFlag},
	Action:    where,
}

// uriOf takes the URI out of an ENUM regexp (RFC 6116 §3.4.1).
var uriOf = regexp.MustCompile(`^!\^\.\*\$!(.*)!$`)

func where(c *cli.Context) error {
	if c.NArg() != 1 {
		return cli.Exit("where: want one NAME, such as 1001, alice or +97231234000", 2)
	}
	cfg, err := local(c)
	if err != nil {
		return err
	}
	aor, err := location.ParseAOR(c.Args().First())
	if err != nil {
		return err
	}
	qname := aor.Fold() + ".users." + cfg.Origin
	if digits, ok := aor.Number(); ok {
		qname = e164(digits) + cfg.Origin
	}
	r, err := exchange(server(c, cfg), qname, dns.TypeNAPTR)
	if err != nil {
		return err
	}
	switch r.Rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNameError:
		return cli.Exit(fmt.Sprintf("%s: registered nowhere", aor), 1)
	default:
		return fmt.Errorf("%s: the server answered %s", qname, dns.RcodeToString[r.Rcode])
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	n := 0
	for _, rr := range r.Answer {
		if p, ok := rr.(*dns.NAPTR); ok {
			if m := uriOf.FindStringSubmatch(p.Regexp); m != nil {
				fmt.Fprintf(w, "%d\t%s\t%s\n", p.Preference, p.Service, m[1])
				n++
			}
		}
	}
	if n == 0 {
		return cli.Exit(fmt.Sprintf("%s: registered nowhere", aor), 1)
	}
	return w.Flush()
}

// e164 returns the labels of a number with a trailing dot (RFC 6116 §3.2).
func e164(digits string) string {
	var b strings.Builder
	for i := len(digits) - 1; i >= 0; i-- {
		b.WriteByte(digits[i])
		b.WriteByte('.')
	}
	return b.String() + "e164."
}

// exchange asks over UDP, and over TCP if the answer is truncated.
func exchange(server, qname string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	m.SetEdns0(1232, false)
	r, _, err := new(dns.Client).Exchange(m, server)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Net: "tcp"}).Exchange(m, server)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	return r, nil
}
