package answer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// explained returns "pref user@home" of the claims that an explanation says
// are answered, sorted.
func explained(e Explanation) (out []string) {
	for _, c := range e.Claims {
		if c.Preference != 0 {
			out = append(out, fmt.Sprintf("%d %s@%s", c.Preference, c.User, c.Home))
		}
	}
	slices.Sort(out)
	return out
}

// lookedUp returns the same of the answer.
func lookedUp(res Result) (out []string) {
	for _, rr := range res.Answer {
		n := rr.(*dns.NAPTR)
		if n.Service != "E2U+sip" {
			continue
		}
		_, uri, _ := strings.Cut(strings.TrimSuffix(n.Regexp, ".nodes.fed.example!"), "!sip:")
		out = append(out, fmt.Sprintf("%d %s", n.Preference, strings.Replace(uri, `\\1`, "", 1)))
	}
	slices.Sort(out)
	return out
}

// scramble puts a random federation into v.
func scramble(t *testing.T, v *Zone, rnd *rand.Rand) {
	users := []string{"1001", "1002", "alice", "+97231001", "97231001", "9723"}
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	homes := []string{"pbx-a", "pbx-b", "pbx-c"}
	for range 6 + rnd.IntN(12) {
		home, cost := pick(homes), ""
		if rnd.IntN(2) == 0 {
			cost = fmt.Sprintf(" cost=%d", rnd.IntN(3))
		}
		switch rnd.IntN(12) {
		case 0, 1, 2, 3:
			h := v.Home(home)
			h.Apply(h.Version(), nil, []location.Change{bind(pick(users), 1+rnd.Uint64N(3), rnd.Uint64N(4)<<16)})
		case 4:
			publish(t, v, home, "entry "+pick(users)+" u=vm")
		case 5:
			publish(t, v, home, "user "+pick(users)+" of="+pick(users))
		case 6:
			publish(t, v, home, "number "+pick([]string{"97231001", "9723", "5"})+" of="+pick(users)+cost)
		case 7:
			publish(t, v, home, "prefix "+pick([]string{"9723", "972", "5", "."})+cost)
		case 8:
			publish(t, v, home, pick([]string{"range 97231000 to=97231099", "wildcard 972", "entry " + pick(users)}))
		case 9:
			publish(t, v, home, "trunk berlin"+cost)
		case 10:
			publish(t, v, home, "queue "+pick(users)+cost)
		case 11:
			publish(t, v, home, pick([]string{"conference ", "parked "})+pick(users))
		}
	}
	for _, name := range homes {
		h := v.Home(name)
		n, _ := h.Node()
		n.State = []record.NodeState{record.Up, record.Up, record.Up, record.Down, record.Draining}[rnd.IntN(5)]
		h.Apply(h.Version(), &n, nil)
		h.SetReach([]view.Reach{view.Alive, view.Alive, view.Alive, view.Orphan, view.Gone}[rnd.IntN(5)])
		h.SetDistance(time.Duration(rnd.IntN(40)) * time.Millisecond)
	}
}

// An explanation names exactly what Lookup answers, in that rank, whatever
// there is, and says of everything else why not.
func TestExplainIsLookup(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		v := newTestView(t, []Order{Newest, Nearest, All}[rnd.IntN(3)])
		v.dial = Dial{Country: "972", National: "0", International: "00"}
		v.cuts = newCuts([]Delegation{{Block: "777", Servers: []NameServer{{Name: "ns.example."}}}}, origin, 5)
		v.itad = "256"
		scramble(t, v, rnd)
		for _, name := range []string{"1001.users", "1002.users", "alice.users", "+97231001.users", "nobody.users",
			record.ENUM("1001") + "e164", record.ENUM("97231001") + "e164", record.ENUM("9723") + "e164", record.ENUM("972310") + "e164", record.ENUM("031001") + "e164",
			record.ENUM("0097255") + "e164", record.ENUM("55") + "e164", record.ENUM("7771") + "e164", record.ENUM("1001") + "256.isn", "berlin.trunks", "x.trunks", "e164", "nodes"} {
			qname := name + "." + origin
			e, res := v.Explain(qname), v.Lookup(qname, dns.TypeNAPTR)
			if got, want := explained(e), lookedUp(res); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s: explained %q, answered %q\n%+v", seed, name, got, want, e)
			}
			if res.Referral != (e.Answer == "referral") || (len(res.Answer) > 0) != (e.Answer == "NAPTR") ||
				(res.Rcode == dns.RcodeNameError) != (e.Answer == "NXDOMAIN") {
				t.Fatalf("seed %d, %s: explained %s, answered %s", seed, name, e.Answer, dns.RcodeToString[res.Rcode])
			}
			for _, c := range e.Claims {
				if c.Rule == "" || c.Why == "" {
					t.Fatalf("seed %d, %s: no reason for %+v", seed, name, c)
				}
			}
			for _, c := range v.Named(strings.TrimSuffix(name, ".users")) {
				if strings.HasSuffix(name, ".users") && !slices.ContainsFunc(e.Claims, func(u ClaimUse) bool {
					return u.Home == c.Home.Name && u.Binding == c.Binding
				}) {
					t.Fatalf("seed %d, %s: nothing is said of %v at %s", seed, name, c.Binding, c.Home.Name)
				}
			}
		}
	}
}

// Each rule is told where it has decided.
func TestExplainRules(t *testing.T) {
	v := newTestView(t, Newest)
	for i, home := range []string{"pbx-a", "pbx-b", "pbx-c"} {
		h := v.Home(home)
		h.Apply(h.Version(), nil, []location.Change{bind("1001", 7, uint64(i+1)<<16), bind("1002", 7, 5<<16)})
	}
	publish(t, v, "pbx-a", "number 97231001 of=1001", "prefix 9723 cost=5", "entry 1001 u=vm", "entry 1009 u=vm", "prefix 4930 cost=7")
	publish(t, v, "pbx-b", "prefix 9723 cost=9", "prefix 4930 cost=7", "user ring of=ring")
	rules := func(name string) string {
		var out []string
		for _, c := range v.Explain(name + "." + origin).Claims {
			out = append(out, fmt.Sprintf("%s:%s:%s", c.Home, c.Binding.Kind, c.Rule))
		}
		return strings.Join(out, " ")
	}
	check := func(name, want string) {
		t.Helper()
		if got := rules(name); got != want {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
	check("1001.users", "pbx-c:pjsip:newest pbx-b:pjsip:newest pbx-a:pjsip:newest pbx-a:entry:fallback")
	check("1002.users", "pbx-a:pjsip:name pbx-b:pjsip:name pbx-c:pjsip:name")
	check("1009.users", "pbx-a:entry:fallback")
	check("ring.users", "pbx-b:user:circle")
	check(record.ENUM("97231001")+"e164", "pbx-c:pjsip:newest pbx-b:pjsip:newest pbx-a:pjsip:newest pbx-a:number:link pbx-a:entry:fallback pbx-a:prefix:covered pbx-b:prefix:covered")
	check(record.ENUM("97239")+"e164", "pbx-a:prefix:cost pbx-b:prefix:cost")
	check(record.ENUM("49301")+"e164", "pbx-a:prefix:distance pbx-b:prefix:distance")
	v.Home("pbx-c").SetReach(view.Gone)
	v.Home("pbx-b").SetReach(view.Orphan)
	check("1001.users", "pbx-b:pjsip:newest pbx-a:pjsip:newest pbx-a:entry:fallback pbx-c:pjsip:hidden") // decision 141
	v.Home("pbx-b").SetReach(view.Alive)
	n, _ := v.Home("pbx-b").Node()
	n.State = record.Draining
	v.Home("pbx-b").Apply(v.Home("pbx-b").Version(), &n, nil)
	check("1001.users", "pbx-a:pjsip:last pbx-b:pjsip:last pbx-a:entry:fallback pbx-c:pjsip:hidden")
	txt := v.Explain("1001.users."+origin).TXT("1001.users.explain."+origin, 5)
	if got := txt[1].(*dns.TXT).Txt; !slices.Contains(got, "source=registration") || !slices.Contains(got, "since=1970-01-01T00:00:00.001Z") ||
		!slices.Contains(got, "why=pbx-b comes last: its node is draining") {
		t.Errorf("%q", got)
	}
}
