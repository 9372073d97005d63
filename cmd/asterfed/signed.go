package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"
)

// text is one TXT record of key=value strings (RFC 1464), by key.
type text map[string]string

// signedTXT asks for the TXT records at a name that exists for the transfer
// key only, and returns them in the order of n=. Of a key that a record has twice
// the first one counts.
func signedTXT(server, qname string, key *tsig.Key, patience time.Duration) ([]text, error) {
	m := new(dns.Msg)
	m.SetQuestion(qname, dns.TypeTXT)
	m.SetEdns0(1232, false) // so that the server may say why
	m.SetTsig(key.Name, key.Algorithm, tsig.Fudge, time.Now().Unix())
	c := &dns.Client{Net: "tcp", Timeout: patience, TsigSecret: map[string]string{key.Name: key.Secret}}
	r, _, err := c.Exchange(m, server)
	if r == nil || err != nil && !errors.Is(err, dns.ErrAuth) && r.Rcode != dns.RcodeNotAuth {
		return nil, command.Silent(command.Unreachable(server, err))
	}
	if r.Rcode != dns.RcodeSuccess {
		u := updating{key: key}
		err := fmt.Errorf("%s: %s", qname, u.explain(r))
		if r.Rcode == dns.RcodeServerFailure {
			return nil, command.Silent(err)
		}
		return nil, cli.Exit(err, command.ExitNo)
	}
	if opt := r.IsEdns0(); len(r.Answer) == 0 && opt != nil { // NODATA, and the reason
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return nil, command.No("%s", e.ExtraText)
			}
		}
	}
	out := make([]text, len(r.Answer))
	for _, rr := range r.Answer {
		t := text{}
		if txt, ok := rr.(*dns.TXT); ok {
			for _, s := range txt.Txt {
				key, val, _ := strings.Cut(s, "=")
				if _, given := t[key]; !given {
					t[key] = command.Unescaped(val)
				}
			}
		}
		if n, err := strconv.Atoi(t["n"]); err == nil && n >= 0 && n < len(out) {
			out[n] = t
		}
	}
	return out, nil
}

// atNode sends signed questions to the node that the flags name.
type atNode struct {
	cfg    *config.Config
	server string
}

func nodeAt(c *cli.Context) (atNode, error) {
	cfg, err := local(c)
	if err != nil {
		return atNode{}, err
	}
	at, err := server(c, cfg)
	return atNode{cfg, at}, err
}

// asked returns the node that a command asks, and the owner of the one NAME that
// it was given.
func asked(c *cli.Context) (owner string, at atNode, err error) {
	name, err := command.OneName(c)
	if err != nil {
		return "", at, err
	}
	if at, err = nodeAt(c); err != nil {
		return "", at, err
	}
	if owner, err = ownerOf(name, at.cfg.DirectoryRegion); err != nil {
		return "", at, command.Usage(err)
	}
	return owner, at, nil
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
