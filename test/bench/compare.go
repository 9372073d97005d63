package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// questionsCount is how many questions a file has; a run of dnsperf begins it
// anew when it is through.
const questionsCount = 300_000

// dns compares the servers: all are loaded, and take turns in every round.
func (b *bench) dns() (string, error) {
	all := contenders()
	if err := b.w.master(filepath.Join(b.dir, "zone")); err != nil {
		return "", err
	}
	if err := b.w.ask(b.dir, min(questionsCount, 4*b.w.numbers)); err != nil {
		return "", err
	}
	defer func() {
		for _, c := range all {
			c.stop()
		}
	}()
	for i, c := range all {
		if err := c.prepare(b, i); err != nil {
			return "", fmt.Errorf("prepare %s: %w", c.name, err)
		}
		if err := c.start(b, answeringCore); err != nil {
			return "", err
		}
		if err := c.p.OnlyOn(answeringCore); err != nil {
			return "", fmt.Errorf("%s: %w", c.name, err)
		}
		b.progress("%s has loaded after %v", c.name, c.loaded.Round(time.Millisecond))
	}
	if err := b.alike(all); err != nil {
		return "", err
	}
	got, err := b.turns(all)
	if err != nil {
		return "", err
	}
	for _, c := range all {
		c.rss = c.p.Memory()
	}
	return got.tables(all, b.w), nil
}

// measured are samples by kind of question and contender.
type measured map[string]map[*contender][]sample

func (b *bench) turns(all []*contender) (measured, error) {
	got := measured{}
	for round := range b.rounds {
		b.progress("round %d of %d", round+1, b.rounds)
		for k, q := range questions {
			if got[q.kind] == nil {
				got[q.kind] = map[*contender][]sample{}
			}
			for i := range all {
				c := all[(i+round)%len(all)] // nobody is always behind the same one
				if c.constant && k > 0 {
					continue
				}
				s, err := b.sample(c, q.kind)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", c.name, q.kind, err)
				}
				got[q.kind][c] = append(got[q.kind][c], s)
			}
		}
	}
	return got, nil
}

// alike asks all servers the same and compares what they say: what answers
// less is fast too.
func (b *bench) alike(all []*contender) error {
	r := rand.New(rand.NewPCG(2, 2))
	for k, q := range questions {
		for range 200 {
			name, kind, _ := strings.Cut(b.w.question(k, r), " ")
			want := ""
			for _, c := range all {
				if c.constant {
					continue
				}
				m, err := c.exchange(name, dns.StringToType[kind])
				if err != nil {
					return fmt.Errorf("%s: ask for %s %s: %w", c.name, name, kind, err)
				}
				if got := content(m); want == "" {
					want = got
				} else if got != want {
					return fmt.Errorf("%s %s (%s): %s answers\n%s\nand %s\n%s", name, kind, q.kind, all[0].name, want, c.name, got)
				}
			}
		}
	}
	return nil
}

// content is what an answer says: its code, its records, and in a negative one
// the type of what stands in the authority section. Of what is optional each has
// its own idea: CoreDNS's file always adds the NS, NSD no addresses.
func content(m *dns.Msg) string {
	out := []string{}
	for _, rr := range m.Answer {
		out = append(out, rr.String())
	}
	slices.Sort(out)
	if len(m.Answer) == 0 {
		for _, rr := range m.Ns {
			out = append(out, dns.TypeToString[rr.Header().Rrtype])
		}
	}
	return dns.RcodeToString[m.Rcode] + "\n" + strings.Join(out, "\n")
}

func (b *bench) progress(format string, args ...any) {
	fmt.Printf("bench: %s\n", fmt.Sprintf(format, args...))
}
