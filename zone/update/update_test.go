package update

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

const (
	origin = "fed.example."
	apex   = "pbx-a.homes.fed.example."
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// lab is a home zone that updates are tried on.
type lab struct {
	home  Home
	pubs  *location.Publications
	users map[string][]location.Binding // registrations, by folded AOR
	rival location.Stamp
	now   time.Time
}

// newLab returns a home zone with the records given, and 1001 registered.
func newLab(t testing.TB, records ...string) *lab {
	t.Helper()
	l := &lab{pubs: location.NewPublications(), now: start}
	l.users = map[string][]location.Binding{"1001": {{AOR: "1001", Kind: location.PJSIP, Contact: 0xff, Stamp: 0x10}}}
	l.home = Home{Node: "pbx-a", Origin: origin, Now: func() time.Time { return l.now },
		Clock:  location.NewClock(func() time.Time { return l.now }),
		Allows: func(a location.AOR) bool { return a != "mallory" },
		Newest: func(location.Binding) location.Stamp { return l.rival },
		Users: func(key string) []location.Binding {
			out := l.users[key]
			return append(out[:len(out):len(out)], l.pubs.At(location.User, location.AOR(key))...)
		},
		Apex: func() []dns.RR {
			v := record.Version{Epoch: "0123456789abcdef", Serial: 7}
			return []dns.RR{v.SOA(apex, origin, 5), rr(t, apex+" 5 IN NS pbx-a.nodes.fed.example."),
				rr(t, apex+` 5 IN TXT "v=1" "state=up"`)}
		}}
	if len(records) > 0 {
		if err := l.do(t, lines("zone "+apex, "add "+strings.Join(records, "\nadd "))); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func lines(s ...string) string { return strings.Join(s, "\n") }

func rr(t testing.TB, s string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(s)
	if err != nil || r == nil {
		t.Fatalf("record %q: %v", s, err)
	}
	return r
}

// message reads an update in words close to nsupdate's, and returns it as it
// comes off the wire:
//
//	zone NAME [TYPE [CLASS]]
//	yxdomain NAME | nxdomain NAME | yxrrset NAME TYPE [DATA] | nxrrset NAME TYPE
//	add NAME TYPE DATA | delete NAME [TYPE [DATA]] | raw RR-WITH-CLASS
func message(t testing.TB, text string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetUpdate(apex)
	bare := func(name, typ string, class uint16) dns.RR {
		return &dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: dns.StringToType[typ], Class: class}}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		f := strings.SplitN(rest, " ", 3)
		if len(f) == 1 {
			f = append(f, "ANY")
		}
		switch word {
		case "zone":
			m.Question[0].Name = f[0]
			if f[1] != "ANY" {
				m.Question[0].Qtype = dns.StringToType[f[1]]
			}
			if len(f) > 2 {
				m.Question[0].Qclass = dns.StringToClass[f[2]]
			}
		case "yxdomain", "nxdomain", "nxrrset":
			class := uint16(dns.ClassNONE)
			if word == "yxdomain" {
				class = dns.ClassANY
			}
			m.Answer = append(m.Answer, bare(f[0], f[1], class))
		case "yxrrset":
			if len(f) < 3 {
				m.Answer = append(m.Answer, bare(f[0], f[1], dns.ClassANY))
				break
			}
			m.Used([]dns.RR{rr(t, f[0]+" 0 IN "+f[1]+" "+f[2])})
		case "add":
			m.Insert([]dns.RR{rr(t, f[0]+" 60 IN "+f[1]+" "+f[2])})
		case "delete":
			if len(f) < 3 {
				m.Ns = append(m.Ns, bare(f[0], f[1], dns.ClassANY))
				break
			}
			m.Remove([]dns.RR{rr(t, f[0]+" 0 IN "+f[1]+" "+f[2])})
		default:
			t.Fatalf("unknown word in %q", line)
		}
	}
	return unpacked(t, m)
}

func unpacked(t testing.TB, m *dns.Msg) *dns.Msg {
	t.Helper()
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := new(dns.Msg)
	if err := out.Unpack(raw); err != nil {
		t.Fatal(err)
	}
	return out
}

var everything = Rules{{}}

func (l *lab) do(t testing.TB, text string) error { return l.as(t, everything, text) }

func (l *lab) as(t testing.TB, rules Rules, text string) error {
	t.Helper()
	changes, err := l.home.Decide(message(t, text), "", l.pubs, rules)
	if err != nil && changes != nil {
		t.Errorf("refused, and yet it changes %v", changes)
	}
	l.pubs.Apply(changes)
	return err
}

// zone returns what is published, sorted, stamps left out.
func (l *lab) zone() string {
	var out []string
	for _, b := range l.pubs.Bindings() {
		b.Stamp = 0
		x := record.TXT(b, apex, 5)
		out = append(out, strings.TrimSuffix(x.Hdr.Name, "."+apex)+" "+strings.Join(x.Txt[1:], " "))
	}
	return strings.Join(sortedStrings(out), "\n")
}

func code(err error) string {
	if err == nil {
		return "NOERROR"
	}
	r, ok := err.(*Refusal)
	if !ok {
		return fmt.Sprint(err)
	}
	return dns.RcodeToString[r.Rcode]
}
