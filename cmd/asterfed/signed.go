package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/xfr"
	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"
)

// text is one TXT record of key=value strings (RFC 1464), by key.
type text map[string]string

// signedTXT asks for the TXT records at a name that exists for the transfer
// key only, and returns them in the order of n=.
func signedTXT(server, qname string, key *xfr.Key, patience time.Duration) ([]text, error) {
	m := new(dns.Msg)
	m.SetQuestion(qname, dns.TypeTXT)
	m.SetEdns0(1232, false) // so that the server may say why
	m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
	c := &dns.Client{Net: "tcp", Timeout: patience, TsigSecret: map[string]string{key.Name: key.Secret}}
	r, _, err := c.Exchange(m, server)
	if r == nil || err != nil && !errors.Is(err, dns.ErrAuth) && r.Rcode != dns.RcodeNotAuth {
		return nil, cli.Exit(fmt.Sprintf("no answer from %s: %v (is asterfed serving?)", server, err), 3)
	}
	if r.Rcode != dns.RcodeSuccess {
		u := updating{key: key}
		return nil, fmt.Errorf("%s: %s", qname, u.explain(r))
	}
	if opt := r.IsEdns0(); len(r.Answer) == 0 && opt != nil { // NODATA, and the reason
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return nil, cli.Exit(e.ExtraText, 1)
			}
		}
	}
	out := make([]text, len(r.Answer))
	for _, rr := range r.Answer {
		t := text{}
		if txt, ok := rr.(*dns.TXT); ok {
			for _, s := range txt.Txt {
				key, val, _ := strings.Cut(s, "=")
				t[key] = val
			}
		}
		if n, err := strconv.Atoi(t["n"]); err == nil && n >= 0 && n < len(out) {
			out[n] = t
		}
	}
	return out, nil
}

// ownerOf returns the name, below the federation zone and without it, under
// which what a person types stands: "1001" and "+97231231001" by number,
// "alice" by name, and names of several labels such as berlin.trunks as they are.
func ownerOf(name string) (string, error) {
	for _, tree := range []string{".trunks", ".providers", ".services", ".users", ".e164", ".isn"} {
		if strings.HasSuffix(strings.ToLower(name), tree) {
			return strings.ToLower(name), nil
		}
	}
	aor, err := location.ParseAOR(name)
	if err != nil {
		return "", err
	}
	if digits, ok := aor.Number(); ok {
		return strings.TrimSuffix(e164(digits), "."), nil
	}
	return aor.Fold() + ".users", nil
}

// atNode sends signed questions to the node that the flags name.
type atNode struct {
	cfg    *federation.Config
	server string
}

func nodeAt(c *cli.Context) (atNode, error) {
	cfg, err := local(c)
	if err != nil {
		return atNode{}, err
	}
	return atNode{cfg, server(c, cfg)}, nil
}

// asked returns the node that a command asks, and the owner of the one NAME that
// it was given.
func asked(c *cli.Context) (owner string, at atNode, err error) {
	args, err := options(c)
	if err != nil {
		return "", at, usage(err)
	}
	if len(args) != 1 {
		return "", at, cli.Exit(c.Command.Name+": want one NAME, such as 1001, alice, +97231234000 or berlin.trunks", 2)
	}
	if owner, err = ownerOf(args[0]); err != nil {
		return "", at, usage(err)
	}
	at, err = nodeAt(c)
	return owner, at, err
}

func (n atNode) txt(owner string) ([]text, error) {
	return signedTXT(n.server, owner+"."+n.cfg.Origin, n.cfg.Key, 15*time.Second)
}

// localTime returns a time as it is written in records, in local time.
func localTime(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.Local().Format("2006-01-02 15:04:05.000")
	}
	return s
}
