package federation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/miekg/dns"
)

// An update key sees the SOA of the zone that it publishes in, from every name
// below it, and reads what it may write and nothing else.
func TestUpdateKeyReads(t *testing.T) {
	t.Parallel()
	r := newTestAuthority(t, "pbx-a")
	key := &tsig.Key{Name: "customer.", Algorithm: dns.HmacSHA256, Secret: "Y3VzdG9tZXI="}
	other := &tsig.Key{Name: "other.", Algorithm: dns.HmacSHA256, Secret: "b3RoZXI="}
	pattern, err := update.ParsePattern("1*")
	if err != nil {
		t.Fatal(err)
	}
	r.cfg.Updates = []config.Permission{{Key: key, Rule: update.Rule{Kinds: []location.Kind{location.User, location.Number}, Names: []update.Pattern{pattern}}}}
	r.cfg.Data = t.TempDir()
	r.updates = newUpdates(r, "boot")
	register(r, "1001")
	r.primary.Publish(func(*location.Store, *location.Publications) (out []location.Change, err error) {
		for _, p := range []struct {
			kind     location.Kind
			name, by string
		}{{location.User, "1001", ""}, {location.User, "1002", ""}, {location.User, "2002", ""}, {location.Number, "1003", ""},
			{location.Number, "1004", "plan"}, {location.Prefix, "1", ""}} {
			b, err := location.Publish(p.kind, p.name, location.Details{By: p.by})
			if err != nil {
				return nil, err
			}
			out = append(out, location.Change{New: b})
		}
		return out, nil
	})
	r.zone.SetSettled(true)
	addr := serveWith(t, r, testKey, key, other)
	const apex = "pbx-a.homes." + testZone
	ask := func(name string, qtype uint16, key *tsig.Key) *dns.Msg {
		t.Helper()
		m := new(dns.Msg).SetQuestion(name, qtype)
		c := &dns.Client{Net: "tcp"}
		if key != nil {
			m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
			c.TsigSecret = map[string]string{key.Name: key.Secret}
		}
		a, _, err := c.Exchange(m, addr)
		if err != nil {
			t.Fatalf("%s %s: %v", name, dns.TypeToString[qtype], err)
		}
		return a
	}
	text := func(m *dns.Msg) string {
		var out []string
		for i, section := range [][]dns.RR{m.Answer, m.Ns} {
			for _, rr := range section {
				f := strings.Fields(rr.String())
				s := []string{"", "authority "}[i] + f[0] + " " + f[3]
				if f[3] == "TXT" {
					s += " " + strings.Join(f[4:min(6, len(f))], " ")
				}
				out = append(out, strings.ReplaceAll(s, apex, "~"))
			}
		}
		return dns.RcodeToString[m.Rcode] + " " + strings.Join(out, ", ")
	}
	outside := "authority " + testZone + " SOA"
	for _, c := range []struct {
		name  string
		qtype uint16
		key   *tsig.Key
		want  string
	}{
		{apex, dns.TypeSOA, key, "NOERROR ~ SOA"},
		{strings.ToUpper(apex), dns.TypeNS, key, "NOERROR ~ NS"},
		{apex, dns.TypeA, key, "NOERROR authority ~ SOA"},
		{"1009.users." + apex, dns.TypeSOA, key, "NOERROR authority ~ SOA"},
		{"users." + apex, dns.TypeSOA, key, "NOERROR authority ~ SOA"},
		{"1002.users." + apex, dns.TypeTXT, key, `NOERROR 1002.users.~ TXT "v=1" "k=user"`},
		{"1001.users." + apex, dns.TypeTXT, key, `NOERROR 1001.users.~ TXT "v=1" "k=user"`}, // not the registration
		{"2002.users." + apex, dns.TypeTXT, key, "NOERROR authority ~ SOA"},
		{"4.0.0.1.e164." + apex, dns.TypeTXT, key, "NOERROR authority ~ SOA"},
		{"homes." + testZone, dns.TypeSOA, key, "NXDOMAIN " + outside},
		{"pbx-b.homes." + testZone, dns.TypeSOA, key, "NXDOMAIN " + outside},
		{apex, dns.TypeSOA, other, "NXDOMAIN " + outside},
		{apex, dns.TypeSOA, nil, "NXDOMAIN " + outside},
	} {
		if got := text(ask(c.name, c.qtype, c.key)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, dns.TypeToString[c.qtype], got, c.want)
		}
	}
	for _, c := range []struct {
		m    *dns.Msg
		key  *tsig.Key
		want string
	}{
		{new(dns.Msg).SetAxfr(apex), key, "1001.users k=user, 1002.users k=user, 3.0.0.1.e164 k=number"},
		{new(dns.Msg).SetIxfr(apex, 1, "x.", "y."), key, "1001.users k=user, 1002.users k=user, 3.0.0.1.e164 k=number"},
		{new(dns.Msg).SetAxfr("users." + apex), key, "bad xfr rcode: 5"},
		{new(dns.Msg).SetAxfr(testZone), key, "bad xfr rcode: 5"},
		{new(dns.Msg).SetAxfr("pbx-b.homes." + testZone), key, "bad xfr rcode: 5"},
		{new(dns.Msg).SetAxfr(apex), other, "bad xfr rcode: 5"},
		{new(dns.Msg).SetAxfr(apex), nil, "bad xfr rcode: 5"},
	} {
		rcode, rrs := askTransfer(t, addr, c.m, c.key)
		var got []string
		for _, rr := range rrs {
			if txt, ok := rr.(*dns.TXT); ok && txt.Hdr.Name != apex {
				got = append(got, strings.TrimSuffix(txt.Hdr.Name, "."+apex)+" "+txt.Txt[1])
			}
		}
		if s := strings.Join(sortedStrings(got), ", "); !strings.Contains(rcode, c.want) && s != c.want {
			t.Errorf("%s of %s: %s, %s, want %s", dns.TypeToString[c.m.Question[0].Qtype], c.m.Question[0].Name, rcode, s, c.want)
		}
	}
}

func sortedStrings(s []string) []string {
	slices.Sort(s)
	return s
}
