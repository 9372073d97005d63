#!/bin/bash
# Software: emiago/sipgo v1.7.3 (Go module) as a client; name server and SIP servers in the same program.
#
# Expected: a request to sip:1004@fed.example goes to the target of _sip._udp.fed.example, whatever else
#   the domain has; if the first target has no address, the next is tried (RFC 3263).
# Happens: sipgo asks for the domain's own address first and looks for SRV records only where there is
#   none. A domain with both, a web site and a SIP server elsewhere, is called at its web site. Of
#   several SRV records it takes one: if the target has no address the request fails, and the next
#   record is not tried. NAPTR is never asked.
# Why it matters: most domains have an address. Tools and services on sipgo reach the test domain that
#   has none and miss the real one, and SRV priorities, the usual way to name a spare server, help
#   nobody. Resolve the URI before, and give the result as the request's destination.
# Source: RFC 3263 sections 4.1 to 4.3; sipgo sip/transport_layer.go, resolveAddr().
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/miekg/dns"
)

const zone = `
_sip._udp.bare.example.  1 IN SRV 10 0 5060 pbx.example.
_sip._udp.fed.example.   1 IN SRV 10 0 5060 pbx.example.
fed.example.             1 IN A   127.0.0.11
_sip._udp.spare.example. 1 IN SRV 10 0 5060 nobody.example.
_sip._udp.spare.example. 1 IN SRV 20 0 5060 pbx.example.
pbx.example.             1 IN A   127.0.0.12
`

var (
	asked  []string
	called = make(chan string, 100)
)

// serve answers DNS from the zone.
func serve(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	q := r.Question[0]
	asked = append(asked, dns.TypeToString[q.Qtype])
	m.Rcode = dns.RcodeNameError
	for p := dns.NewZoneParser(strings.NewReader(zone), ".", ""); ; {
		rr, ok := p.Next()
		if !ok {
			break
		}
		if strings.EqualFold(rr.Header().Name, q.Name) {
			m.Rcode = dns.RcodeSuccess
			if rr.Header().Rrtype == q.Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
	}
	w.WriteMsg(m)
}

// listen answers 200 to each request, and tells that it was called.
func listen(name, address string) {
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		panic(err)
	}
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			called <- name
			if m, err := sip.ParseMessage(b[:n]); err == nil {
				c.WriteTo([]byte(sip.NewResponseFromRequest(m.(*sip.Request), 200, "OK", nil).String()), from)
			}
		}
	}()
}

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/emiago/sipgo" {
			fmt.Println("version:  ", d.Path, d.Version)
		}
	}
	fmt.Println("guess:     SRV first, the address only where there is none, and the spare when the first is missing")
	fmt.Println("behaviour: the address first, and no spare")
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	go (&dns.Server{Addr: "127.0.0.1:5353", Net: "udp", Handler: dns.HandlerFunc(serve)}).ListenAndServe()
	listen("the domain's address", "127.0.0.11:5060")
	listen("the SRV target", "127.0.0.12:5060")
	time.Sleep(200 * time.Millisecond)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", "127.0.0.1:5353")
	}}
	agent, err := sipgo.NewUA(sipgo.WithUserAgentDNSResolver(resolver))
	if err != nil {
		panic(err)
	}
	client, err := sipgo.NewClient(agent, sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		panic(err)
	}
	failed := false
	for _, c := range [][3]string{
		{"bare.example", "SRV only", "the SRV target"},
		{"fed.example", "SRV and an address", "the domain's address"},
		{"spare.example", "two SRV, the first without address", "nobody"},
	} {
		asked = nil
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		client.Do(ctx, sip.NewRequest(sip.OPTIONS, sip.Uri{Scheme: "sip", User: "1004", Host: c[0]}))
		cancel()
		got := "nobody"
		select {
		case got = <-called:
		default:
		}
		fmt.Printf("seen:      %-14s %-36s called: %s; asked: %s\n", c[0], c[1], got, strings.Join(asked, " "))
		if got != c[2] || strings.Contains(strings.Join(asked, " "), "NAPTR") {
			fmt.Fprintln(os.Stderr, "NOT AS STATED: expected", c[2])
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}
EOF
cd "$dir"
export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
{
    go mod init finding
    go get github.com/emiago/sipgo@v1.7.3 github.com/miekg/dns@v1.1.73
    go build -o finding .
} >build.log 2>&1 || { cat build.log >&2; exit 1; }
# Loopback of an own network.
unshare --net --pid --fork --kill-child bash -c 'ip link set lo up && ./finding'
