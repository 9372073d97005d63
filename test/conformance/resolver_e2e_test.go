//go:build e2e

package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// resolver starts BIND with the given options at addr, on the port of the
// nodes, which it then asks on that port too.
func resolver(t *testing.T, addr, options string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "named")
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "named.conf")
	text := fmt.Sprintf(`options {
	directory %q; pid-file none; port %s;
	listen-on { %s; }; listen-on-v6 { none; }; query-source address %s;
	allow-query { any; }; recursion yes; empty-zones-enable no; minimal-responses no;
	qname-minimization strict;
	%s
controls { };
`, dir, port, addr, addr, options)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	begin(t, dir, log, exec.Command("named", "-g", "-n", "1", "-c", conf))
	return serving(t, addr+":"+port)
}

// begin starts a resolver that ends with the test.
func begin(t *testing.T, dir string, log *os.File, c *exec.Cmd) {
	t.Helper()
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatalf("start %s: %v (make install brings it)", c.Path, err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(log.Name())
			t.Logf("%s:\n%s", c.Path, b)
		}
		os.RemoveAll(dir)
	})
}

// serving waits until the resolver at an address resolves the zone.
func serving(t *testing.T, at string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		m := new(dns.Msg)
		m.SetQuestion("users."+origin, dns.TypeTXT)
		if r, err := dns.Exchange(m, at); err == nil && r.Rcode == dns.RcodeSuccess {
			return at
		}
		if time.Now().After(end) {
			t.Fatal("the resolver does not resolve the zone")
		}
	}
}

// meaning is what an asker takes from an answer: the rcode, and the records of
// the answer section as a set.
func meaning(r *dns.Msg) string {
	out := []string{}
	for _, rr := range r.Answer {
		c := dns.Copy(rr)
		c.Header().Ttl = 0
		c.Header().Name = strings.ToLower(c.Header().Name)
		if soa, ok := c.(*dns.SOA); ok {
			soa.Serial = 0
		}
		out = append(out, c.String())
	}
	slices.Sort(out)
	return dns.RcodeToString[r.Rcode] + "\n" + strings.Join(out, "\n")
}

// delegated is the block of which another server answers.
const delegated = "6.4.2.7.9.e164." + origin

// delegate serves the delegated block until the test ends.
func delegate(t *testing.T) {
	t.Helper()
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(r)
		m.Authoritative = true
		var lines []string
		switch r.Question[0].Qtype {
		case dns.TypeNAPTR:
			lines = []string{` NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:theirs@other.example!" .`}
		case dns.TypeNS:
			lines = []string{" NS ns." + delegated}
		case dns.TypeA:
			lines = []string{" A 127.0.0.66"}
		}
		for _, l := range lines {
			rr, err := dns.NewRR(r.Question[0].Name + " 5 IN" + l)
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		w.WriteMsg(m)
	})
	for _, network := range []string{"udp", "tcp"} {
		up := make(chan struct{})
		s := &dns.Server{Addr: "127.0.0.66:" + port, Net: network, Handler: handler, NotifyStartedFunc: func() { close(up) }}
		go s.ListenAndServe()
		<-up
		t.Cleanup(func() { s.Shutdown() })
	}
}

// throughDelegation asks a resolver that iterates for a number whose block
// others answer for.
func throughDelegation(t *testing.T, at string) {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("1.0.0."+delegated, dns.TypeNAPTR)
	r, err := dns.Exchange(m, at)
	if err != nil || len(r.Answer) != 1 || !strings.Contains(r.Answer[0].String(), "theirs@other.example") {
		t.Errorf("through the delegation: %v %v", r, err)
	}
}

// throughResolver asks every case of the file at the resolver and at the node
// itself, twice, so that the resolver's cache answers too. One that validates
// must vouch for every answer (AD), and a compact denial (RFC 9824) comes out of
// it as NODATA.
func throughResolver(t *testing.T, at, node string, validating bool) {
	n := 0
	for range 2 {
		for _, e := range entries(t) {
			q := question(t, e.question)
			name := q.Question[0].Name
			if !dns.IsSubDomain(origin, strings.ToLower(name)) || q.Question[0].Qclass != dns.ClassINET ||
				q.Question[0].Qtype == dns.TypeAXFR || q.Question[0].Qtype == dns.TypeANY || e.how.edns == 100 ||
				name == origin && q.Question[0].Qtype == dns.TypeDS ||
				dns.IsSubDomain(delegated, name) {
				continue // a resolver has answers of its own to these
			}
			n++
			want := meaning(exchangeAt(t, node, q.Copy(), how{tcp: true}))
			q.RecursionDesired, q.AuthenticatedData = true, validating
			c := &dns.Client{Net: "tcp", Timeout: 5 * time.Second}
			r, _, err := c.Exchange(q, at)
			if err != nil {
				t.Errorf("%s: %v", e.question, err)
				continue
			}
			if validating {
				want = strings.Replace(want, "NXDOMAIN\n", "NOERROR\n", 1)
				if !r.AuthenticatedData {
					t.Errorf("%s: not authenticated: %s", e.question, dns.RcodeToString[r.Rcode])
				}
			}
			if got := meaning(r); got != want {
				t.Errorf("%s\n%s\nthrough the resolver\n%s\nfrom the node\n%s", e.why, e.question, got, want)
			}
		}
	}
	if n < 150 {
		t.Errorf("%d questions: too few to show anything", n)
	}
}

// TestThroughForwarder has BIND forward every question to the node.
func TestThroughForwarder(t *testing.T) {
	throughResolver(t, resolver(t, "127.0.0.1", fmt.Sprintf("dnssec-validation no; forward only; forwarders { 127.0.0.61 port %s; }; };", port)), server, false)
}

// TestThroughIterator has BIND find the answers by itself, one label after the
// other (RFC 9156), from the node's address alone.
func TestThroughIterator(t *testing.T) {
	delegate(t)
	at := resolver(t, "127.0.0.1",
		"dnssec-validation no; };\nzone \"fed.example\" { type static-stub; server-addresses { 127.0.0.61; }; };")
	throughResolver(t, at, server, false)
	throughDelegation(t, at)
}
