package federation

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A key is the same whatever the case of its name: queries, transfers and updates
// that are signed with another spelling are taken, and their answers verify.
func TestKeyNamesCompareWithoutCase(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"externaldns.": secondaryKey.Secret}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, TsigSecret: secrets, MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			w = spelled(w, r, secrets)
			m := new(dns.Msg).SetReply(r)
			if w.TsigStatus() != nil {
				m.Rcode = dns.RcodeNotAuth
			} else {
				sign(w, r, m)
			}
			w.WriteMsg(m)
		})}
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
	query := new(dns.Msg).SetQuestion(testZone, dns.TypeSOA)
	update := new(dns.Msg).SetUpdate("pbx-a.homes." + testZone)
	for _, text := range []string{"1001.users.pbx-a.homes." + testZone + ` 0 IN TXT "k=user"`, "bob.users.pbx-a.homes." + testZone + ` 0 IN TXT "k=user" "n=B\"\195\164"`} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		update.Insert([]dns.RR{rr})
		update.RemoveRRset([]dns.RR{rr})
		update.RemoveName([]dns.RR{rr})
		update.Used([]dns.RR{rr})
	}
	compressed := update.Copy()
	compressed.Compress = true
	edns := query.Copy()
	edns.SetEdns0(1232, true)
	for name, m := range map[string]*dns.Msg{"query": query, "EDNS": edns, "update": update, "compressed update": compressed} {
		for _, spelling := range []string{"externaldns.", "ExternalDNS.", "EXTERNALDNS.", "eXtErNaLdNs."} {
			for secret, want := range map[string]int{secondaryKey.Secret: dns.RcodeSuccess, testKey.Secret: dns.RcodeNotAuth} {
				q := m.Copy()
				q.Compress = m.Compress
				q.SetTsig(spelling, dns.HmacSHA256, 300, time.Now().Unix())
				c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{spelling: secret}}
				a, _, err := c.Exchange(q, l.Addr().String())
				if a == nil || a.Rcode != want || err != nil && want == dns.RcodeSuccess {
					t.Errorf("%s signed by %s: %v, %v, want %s", name, spelling, a, err, dns.RcodeToString[want])
				}
			}
		}
	}
}

// The front of a server block takes any spelling before the plugins see the
// request.
func TestFrontTakesAnySpelling(t *testing.T) {
	status := make(chan error, 1)
	f := &front{origin: testZone, secrets: map[string]string{secondaryKey.Name: secondaryKey.Secret}, next: handler(func(w dns.ResponseWriter) { status <- w.TsigStatus() })}
	m := new(dns.Msg).SetQuestion(testZone, dns.TypeSOA)
	m.SetTsig(strings.ToUpper(secondaryKey.Name), secondaryKey.Algorithm, 300, time.Now().Unix())
	wire, _, err := dns.TsigGenerate(m, secondaryKey.Secret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	r := new(dns.Msg)
	if err := r.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	f.ServeDNS(context.Background(), &unknownKey{}, r)
	if err := <-status; err != nil {
		t.Errorf("the plugins see %v", err)
	}
}

// handler is a plugin that looks at the writer.
type handler func(dns.ResponseWriter)

func (h handler) Name() string { return "handler" }

func (h handler) ServeDNS(_ context.Context, w dns.ResponseWriter, _ *dns.Msg) (int, error) {
	h(w)
	return dns.RcodeSuccess, nil
}

// unknownKey is the writer of a request whose key the server does not know.
type unknownKey struct{ packets }

func (*unknownKey) TsigStatus() error { return dns.ErrSecret }
