package conformance

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// how a question is put.
type how struct {
	tcp  bool
	edns uint16 // UDP size, 0 for no EDNS
	do   bool
}

// question reads "NAME TYPE [CLASS]"; a name without a last dot is below the
// federation zone.
func question(t *testing.T, s string) *dns.Msg {
	t.Helper()
	f := strings.Fields(s)
	if len(f) < 2 {
		t.Fatalf("question %q: want NAME TYPE [CLASS]", s)
	}
	name := f[0]
	switch {
	case name == "@":
		name = origin
	case !strings.HasSuffix(name, "."):
		name += "." + origin
	}
	typ, ok := dns.StringToType[f[1]]
	if !ok {
		if _, err := fmt.Sscanf(f[1], "TYPE%d", &typ); err != nil {
			t.Fatalf("type %q: %v", f[1], err)
		}
	}
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	m.RecursionDesired = false
	if len(f) > 2 {
		m.Question[0].Qclass = dns.StringToClass[f[2]]
	}
	return m
}

// exchange sends m to the server and returns the answer.
func exchange(t *testing.T, m *dns.Msg, h how) *dns.Msg {
	t.Helper()
	return exchangeAt(t, server, m, h)
}

func exchangeAt(t *testing.T, at string, m *dns.Msg, h how) *dns.Msg {
	t.Helper()
	if h.edns > 0 {
		m.SetEdns0(h.edns, h.do)
	}
	c := &dns.Client{UDPSize: dns.MaxMsgSize}
	if h.tcp {
		c.Net = "tcp"
	}
	r, _, err := c.Exchange(m, at)
	if err != nil {
		t.Fatalf("%s: %v", m.Question[0].String(), err)
	}
	return r
}

var serial = regexp.MustCompile(`(SOA \S+ \S+) \d+`)

// text is an answer as the cases have it: rcode and flags, then the records
// of each section, TTL and class left out, the serial of a SOA as N. What is
// one and the same SOA in every negative answer is written "soa".
func text(r *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[r.Rcode])
	for _, f := range []struct {
		set  bool
		name string
	}{{r.Authoritative, " aa"}, {r.Truncated, " tc"}, {r.RecursionAvailable, " ra"}, {r.AuthenticatedData, " ad"}} {
		if f.set {
			b.WriteString(f.name)
		}
	}
	b.WriteByte('\n')
	for _, s := range []struct {
		name string
		rrs  []dns.RR
	}{{"", r.Answer}, {"ns ", r.Ns}, {"+ ", r.Extra}} {
		for _, rr := range s.rrs {
			if rr.Header().Rrtype == dns.TypeOPT {
				fmt.Fprintf(&b, "+ OPT %d\n", rr.(*dns.OPT).UDPSize())
				continue
			}
			f := strings.Fields(strings.ReplaceAll(rr.String(), "\t", " "))
			line := strings.Join(append(f[:1:1], f[3:]...), " ")
			line = serial.ReplaceAllString(line, "$1 N")
			if line == "fed.example. SOA pbx-a.nodes.fed.example. hostmaster.fed.example. N 60 10 604800 5" && s.name != "" {
				line = "soa"
			}
			b.WriteString(s.name + line + "\n")
		}
	}
	return b.String()
}
