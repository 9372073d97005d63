package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// step is one planned fault.
type step struct {
	at, length time.Duration
	kind       *kind
	nodes      []int   // the victims
	groups     [][]int // of a split
}

func (s step) String() string {
	if len(s.groups) > 0 {
		var parts []string
		for _, g := range s.groups {
			parts = append(parts, strings.Join(names(g), "+"))
		}
		return s.kind.name + " " + strings.Join(parts, " | ")
	}
	return s.kind.name + " " + strings.Join(names(s.nodes), " ")
}

func names(nodes []int) (out []string) {
	for _, n := range nodes {
		out = append(out, nodeName(n))
	}
	return out
}

// Times of a plan.
const (
	warmUp     = 6 * time.Second
	meanPause  = 3500 * time.Millisecond // from the beginning of a fault to that of the next
	shortest   = 3 * time.Second
	variation  = 4 * time.Second
	betweenTwo = 1500 * time.Millisecond // that a node has to itself
)

// newPlan deals faults from a deck that holds each kind once before any comes
// again, until the time is over. The same arguments give the same plan. Faults
// may overlap, but not on the same node, and those of the whole network or of
// all nodes come alone.
func newPlan(seed uint64, nodes int, length time.Duration, kinds []*kind) []step {
	rng := rand.New(rand.NewPCG(seed, 0))
	if len(kinds) == 0 {
		return nil
	}
	var plan []step
	var deck []*kind
	busy := make([]time.Duration, nodes) // until when
	for at := warmUp; ; at += meanPause/2 + time.Duration(rng.Int64N(int64(meanPause))) {
		if len(deck) == 0 {
			deck = slices.Clone(kinds)
			rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		k := deck[0]
		deck = deck[1:]
		s := step{kind: k, length: max(k.least, shortest) + time.Duration(rng.Int64N(int64(variation)))}
		order := rng.Perm(nodes)
		if k.all {
			s.nodes = order
			s.groups = split(order, k.parts)
		} else {
			slices.SortStableFunc(order, func(a, b int) int {
				if busy[a] > at || busy[b] > at {
					return int(busy[a] - busy[b])
				}
				return 0
			})
			s.nodes = order[:1]
		}
		for _, n := range s.nodes {
			at = max(at, busy[n])
		}
		s.at = at
		if at+s.length > length {
			return plan
		}
		for _, n := range s.nodes {
			busy[n] = at + s.length + betweenTwo
		}
		plan = append(plan, s)
	}
}

// split deals nodes into so many groups, none of which is empty.
func split(order []int, parts int) [][]int {
	if parts < 2 || len(order) < parts {
		return nil
	}
	groups := make([][]int, parts)
	for i, n := range order {
		groups[i%parts] = append(groups[i%parts], n)
	}
	for _, g := range groups {
		slices.Sort(g)
	}
	return groups
}

// pick returns the kinds named in a list with commas, all if it is empty, and no
// kind for "none".
func pick(list string) ([]*kind, error) {
	if list == "" {
		return kinds, nil
	}
	if list == "none" {
		return nil, nil
	}
	var out []*kind
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no fault is called %q", name)
		}
		out = append(out, kinds[i])
	}
	return out, nil
}
