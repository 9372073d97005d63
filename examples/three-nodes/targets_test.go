//go:build e2e

package threenodes

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// Asterisk reads 4,096 octets of an answer over TCP, and finds nothing in a
// longer one: a number finds somebody however many targets it has.
func TestManyTargets(t *testing.T) {
	counts := []int{3, 10, 19, 40}
	const corefile = "/etc/asterfed/Corefile"
	old := a.Read(corefile)
	t.Cleanup(func() {
		_ = a.Write(corefile, old)
		a.StopFederator()
		if err := a.StartFederator(); err != nil {
			t.Error(err)
		}
		if err := level(a, nodes()...); err != nil {
			t.Error(err)
		}
	})
	if err := a.Write(corefile, strings.Replace(old, "data  ", "update key /etc/asterfed/transfer.key quota 1000\n        data  ", 1)); err != nil {
		t.Fatal(err)
	}
	a.StopFederator()
	if err := a.StartFederator(); err != nil {
		t.Fatal(err)
	}
	if err := level(a, nodes()...); err != nil {
		t.Fatal(err)
	}
	number := func(targets int) string { return fmt.Sprintf("97231230%03d", targets) }
	var all []dns.RR
	for _, n := range counts {
		digits := strings.Split(number(n), "")
		slices.Reverse(digits)
		owner := strings.Join(digits, ".") + ".e164.pbx-a.homes.fed.example."
		for i := range n {
			all = append(all, &dns.TXT{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
				Txt: []string{"k=number", fmt.Sprintf("u=reception-%02d", i)}})
		}
	}
	update(t, a, "pbx-a.homes.fed.example.", func(m *dns.Msg) { m.Insert(all) })
	t.Cleanup(func() {
		update(t, a, "pbx-a.homes.fed.example.", func(m *dns.Msg) { m.Remove(all) })
	})

	dialplan := "\n[lab]\n"
	for _, n := range counts {
		dialplan += fmt.Sprintf("exten => count%d,1,Log(NOTICE,lab:count%d:${ENUMLOOKUP(+%s,sip,c,1,e164.fed.example.)}:)\n"+
			"exten => first%d,1,Log(NOTICE,lab:first%d:${ENUMLOOKUP(+%s,sip,u,1,e164.fed.example.)}:)\n", n, n, number(n), n, n, number(n))
	}
	const file = "/etc/asterisk/extensions_site.conf"
	for _, n := range []*lab.Node{a, b} { // Asterisk 16 and 22
		old := n.Read(file)
		if err := n.Append(file, dialplan); err != nil {
			t.Fatal(err)
		}
		_, _ = n.CLI("dialplan reload")
		t.Cleanup(func() {
			_ = n.Write(file, old)
			_, _ = n.CLI("dialplan reload")
		})
		for _, targets := range counts {
			digits := strings.Split(number(targets), "")
			slices.Reverse(digits)
			name := strings.Join(digits, ".") + ".e164.fed.example"
			lab.Poll(10*time.Second, func() bool { return len(n.Dig("@127.0.0.1", "+tcp", "NAPTR", name)) > 0 })
			want := 0
			for _, line := range n.Dig("@127.0.0.1", "+tcp", "NAPTR", name) {
				if strings.Contains(line, `"E2U+sip"`) {
					want++
				}
			}
			got, err := strconv.Atoi(enum(t, n, fmt.Sprintf("count%d", targets)))
			first := enum(t, n, fmt.Sprintf("first%d", targets))
			if err != nil || got != want || got < min(targets, 15) || !strings.HasPrefix(first, "sip:reception-") {
				t.Errorf("%s, %d targets: %d found, want %d, which dig sees over TCP; the first is %q: %v", n.Name, targets, got, want, first, err)
			}
			figure("targets", "%s finds %d of %d targets of a number, the first is %s", n.Name, got, targets, first)
		}
	}
}

// update sends a DNS UPDATE to a node over TCP, signed with the transfer key.
func update(t *testing.T, n *lab.Node, zone string, fill func(*dns.Msg)) {
	t.Helper()
	key, err := tsig.ReadKey(filepath.Join(n.Root, "etc/asterfed/transfer.key"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := n.Connect("127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := new(dns.Msg).SetUpdate(zone)
	fill(m)
	m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
	secrets := map[string]string{key.Name: key.Secret}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	r, _, err := (&dns.Client{Net: "tcp", TsigSecret: secrets}).ExchangeWithConn(m, &dns.Conn{Conn: conn, TsigSecret: secrets})
	if err != nil || r.Rcode != dns.RcodeSuccess {
		t.Fatalf("update: %v\n%v", err, r)
	}
}
