package federation

import (
	"testing"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// A question's name is taken as CoreDNS takes it, escapes and case included.
func TestQuestionIsTakenAsCoreDNSTakesIt(t *testing.T) {
	names := []string{".", "", "fed.example.", "FED.example.", "x.fed.example.", "xfed.example.", `a\.fed.example.`, `a\\.fed.example.`, `\102ed.example.`, `a\046fed.example.`,
		`A\@b.Fed.example.`, "a b.fed.example.", "Ä.fed.example.", "fed.example", "example.", "*.fed.example.", "_sip._udp.1001.users.fed.example.", "fed.example.org."}
	for _, n := range diffNames {
		names = append(names, dns.Fqdn(n+"."+diffOrigin))
	}
	for _, name := range names {
		r := &dns.Msg{Question: []dns.Question{{Name: name}}}
		want := (&request.Request{Req: r}).Name()
		got := questionName(&request.Request{Req: r})
		if got != want {
			t.Errorf("%q is taken as %q, want %q", name, got, want)
		}
		for _, origin := range []string{diffOrigin, ".", `a\.fed.example.`} {
			if w := dns.IsSubDomain(origin, got); within(got, origin) != w {
				t.Errorf("%q within %q: want %v", got, origin, w)
			}
		}
	}
	if got := questionName(&request.Request{Req: new(dns.Msg)}); got != "." {
		t.Errorf("no question is taken as %q", got)
	}
}
