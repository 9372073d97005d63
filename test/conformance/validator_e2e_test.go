//go:build e2e

package conformance

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// anchor is BIND's word for the zone's key.
func anchor() string {
	return fmt.Sprintf("trust-anchors { %s static-key %d %d %d \"%s\"; };\n", origin, zoneKey.Flags, zoneKey.Protocol,
		zoneKey.Algorithm, zoneKey.PublicKey)
}

// TestValidatingForwarder and TestValidatingIterator: BIND believes every
// answer of the signing node, those that it makes up itself from others' NSECs
// (RFC 8198) included.
func TestValidatingForwarder(t *testing.T) {
	validated(t, resolver(t, "127.0.0.1", fmt.Sprintf("dnssec-validation yes; synth-from-dnssec yes; forward only;"+
		" forwarders { 127.0.0.62 port %s; }; };\n%s", port, anchor())))
}

func TestValidatingIterator(t *testing.T) {
	delegate(t)
	at := resolver(t, "127.0.0.1", "dnssec-validation yes; synth-from-dnssec yes; };\n"+
		"zone \"fed.example\" { type static-stub; server-addresses { 127.0.0.62; }; };\n"+anchor())
	validated(t, at)
	throughDelegation(t, at) // which is not signed, and shown not to be
}

// TestAggressiveUnbound does the same with Unbound, aggressive and strict.
func TestAggressiveUnbound(t *testing.T) {
	dir, err := os.MkdirTemp("", "unbound")
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "unbound.conf")
	text := fmt.Sprintf(`server:
  interface: 127.0.0.1@5464
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "%s"
  aggressive-nsec: yes
  qname-minimisation: yes
  qname-minimisation-strict: yes
  harden-below-nxdomain: yes
remote-control:
  control-enable: no
stub-zone:
  name: "fed.example"
  stub-addr: 127.0.0.62@%s
`, dir, zoneKey.String(), port)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	begin(t, dir, log, exec.Command("unbound", "-d", "-c", conf))
	validated(t, serving(t, "127.0.0.1:5464"))
}

// youngs counts the numbers that validated has published.
var youngs atomic.Int32

// validated asks all cases, and then what a resolver that is too clever would
// get wrong.
func validated(t *testing.T, at string) {
	throughResolver(t, at, signing, true)
	ask := func(name string, typ uint16) *dns.Msg {
		t.Helper()
		m := new(dns.Msg)
		m.SetQuestion(name+".e164."+origin, typ)
		m.SetEdns0(1232, true)
		r, err := dns.Exchange(m, at)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	// A at a number whose NAPTR nobody has asked for does not deny that.
	const number = "9.4.1.0.9.9.9.3.2.7.9"
	if r := ask(number, dns.TypeA); len(r.Answer) > 0 || r.Rcode != dns.RcodeSuccess {
		t.Errorf("A: %v", r)
	}
	if r := ask(number, dns.TypeNAPTR); len(r.Answer) == 0 {
		t.Errorf("NAPTR is denied after A was: %v", r)
	}
	// A number that was denied is there once the denial's time is over.
	young := fmt.Sprintf("%d.2.3.4.5.6.7", youngs.Add(1)%10) // each resolver has one of its own
	if r := ask(young, dns.TypeNAPTR); len(r.Answer) > 0 {
		t.Fatalf("%s is there: %v", young, r)
	}
	publish(t, young)
	began := time.Now()
	for len(ask(young, dns.TypeNAPTR).Answer) == 0 {
		if time.Since(began) > 30*time.Second {
			t.Fatal("the number stays denied")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if d := time.Since(began); d > 7*time.Second { // the SOA minimum is 5 s
		t.Errorf("the number appeared after %v", d)
	}
}

// publish adds a number to the signing node's home zone (RFC 2136).
func publish(t *testing.T, reversed string) {
	t.Helper()
	m := new(dns.Msg)
	m.SetUpdate("pbx-b.homes." + origin)
	rr, err := dns.NewRR(reversed + ".e164.pbx-b.homes." + origin + ` 5 IN TXT "k=number" "u=1001"`)
	if err != nil {
		t.Fatal(err)
	}
	m.Insert([]dns.RR{rr})
	m.SetTsig("publisher.", dns.HmacSHA256, 300, time.Now().Unix())
	c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{"publisher.": publisher}, Dialer: &net.Dialer{}}
	r, _, err := c.Exchange(m, signing)
	if err != nil || r.Rcode != dns.RcodeSuccess {
		t.Fatalf("update: %v %v", r, err)
	}
}
