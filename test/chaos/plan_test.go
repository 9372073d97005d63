package chaos

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestPlan(t *testing.T) {
	for seed := range uint64(50) {
		plan := newPlan(seed, 5, 10*time.Minute, kinds)
		if again := newPlan(seed, 5, 10*time.Minute, kinds); fmt.Sprint(plan) != fmt.Sprint(again) {
			t.Fatalf("seed %d gives two plans", seed)
		}
		seen := map[string]bool{}
		busy := make([]time.Duration, 5)
		for _, s := range plan {
			seen[s.kind.name] = true
			if s.at+s.length > 10*time.Minute || s.length < s.kind.least {
				t.Errorf("seed %d: %v at %v for %v", seed, s, s.at, s.length)
			}
			for _, n := range s.nodes {
				if s.at < busy[n] {
					t.Errorf("seed %d: %v at %v strikes a node that is struck until %v", seed, s, s.at, busy[n])
				}
				busy[n] = s.at + s.length
			}
		}
		if len(seen) != len(kinds) {
			t.Errorf("seed %d: %d kinds of %d", seed, len(seen), len(kinds))
		}
	}
	if reflect.DeepEqual(fmt.Sprint(newPlan(1, 5, time.Minute, kinds)), fmt.Sprint(newPlan(2, 5, time.Minute, kinds))) {
		t.Error("two seeds give one plan")
	}
}

func TestSplit(t *testing.T) {
	got := split([]int{4, 0, 3, 1, 2}, 2)
	if want := [][]int{{2, 3, 4}, {0, 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	links := between(got...)
	if len(links) != 12 || slices.Contains(links, [2]int{2, 3}) || !slices.Contains(links, [2]int{0, 4}) || !slices.Contains(links, [2]int{4, 0}) {
		t.Errorf("links between them: %v", links)
	}
}

func TestPick(t *testing.T) {
	if got, err := pick("split-2,kill-both"); err != nil || len(got) != 2 || got[1].name != "kill-both" {
		t.Errorf("got %v, error %v", got, err)
	}
	if got, err := pick("none"); err != nil || len(newPlan(1, 5, time.Minute, got)) != 0 {
		t.Errorf("got %v, error %v for a quiet time", got, err)
	}
	if _, err := pick("earthquake"); err == nil {
		t.Error("an unknown fault is accepted")
	}
}

func TestBest(t *testing.T) {
	m := new(dns.Msg)
	for _, text := range []string{
		`1001.users.fed.example. 5 IN NAPTR 100 20 "u" "E2U+sip" "!^.*$!sip:1001@pbx-1.nodes.fed.example!" .`,
		`1001.users.fed.example. 5 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:1001@pbx-12.nodes.fed.example!" .`,
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	if got := best(m); got != 11 {
		t.Errorf("got %d, want 11", got)
	}
	if got := best(new(dns.Msg)); got != nowhere {
		t.Errorf("got %d for an empty answer", got)
	}
}
