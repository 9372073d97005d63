package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// resolvConf is the file by which Asterisk on this machine finds its name servers.
// The C library takes no more than three of them.
const (
	resolvConf     = "/etc/resolv.conf"
	maxNameServers = 3
)

// nameServers returns the name servers of a resolv.conf, in their order.
func nameServers(file string) (servers []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if word := strings.Fields(lines.Text()); len(word) > 1 && word[0] == "nameserver" && len(servers) < maxNameServers {
			servers = append(servers, word[1])
		}
	}
	return servers, nil
}

// resolverTroubles says which name servers of this machine do not know the
// federation. A call then ends with 404 and no trace: to Asterisk the user does
// not exist. knows asks one of them.
func resolverTroubles(file, node, origin string, knows func(server string) error) (out []trouble) {
	add := func(what, remedy string) {
		out = append(out, trouble{"resolver", node, what, remedy, []string{node}})
	}
	servers, err := nameServers(file)
	if err != nil || len(servers) == 0 {
		add(file+" names no name server, so that calls find nobody", "write nameserver 127.0.0.1 into it (docs/resolvers.md)")
		return out
	}
	zone := strings.TrimSuffix(origin, ".")
	for i, s := range servers {
		switch err := knows(s); {
		case err == nil:
		case i == 0:
			add(fmt.Sprintf("this machine asks %s first, which does not know %s (%v): calls end with 404", s, zone, err),
				"name this node first in "+file+", or let that server forward "+zone+" to it (docs/resolvers.md)")
		default:
			add(fmt.Sprintf("%s, name server %d of %s, does not know %s (%v): while asterfed here restarts, calls end with 404", s, i+1, file, zone, err),
				"name another node of the federation there, by the address that it has now")
		}
	}
	return out
}

// knowsNode asks a name server for the record that a node always has.
func knowsNode(node, origin string) func(server string) error {
	return func(server string) error {
		m := new(dns.Msg)
		m.SetQuestion(node+".nodes."+origin, dns.TypeTXT)
		r, _, err := (&dns.Client{Timeout: time.Second}).Exchange(m, net.JoinHostPort(server, "53"))
		switch {
		case err != nil:
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return errors.New("no answer")
			}
			return err
		case r.Rcode != dns.RcodeSuccess:
			return errors.New(dns.RcodeToString[r.Rcode])
		case len(r.Answer) == 0:
			return errors.New("no record")
		}
		return nil
	}
}
