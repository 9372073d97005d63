package answer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// past is all that one home has ever said: what each version changed, and held.
type past struct {
	home   string
	deltas [][]location.Change
	held   [][]location.Binding // after so many deltas
}

// newPast makes up a home whose clock runs as it likes: its stamps may go back,
// and be those of others.
func newPast(home string, rng *rand.Rand, aors, steps int) past {
	p := past{home: home, held: [][]location.Binding{nil}}
	set := map[string]location.Binding{}
	for range steps {
		var d []location.Change
		for range 1 + rng.IntN(3) {
			b := binding(fmt.Sprint(1000+rng.IntN(aors)), uint64(1+rng.IntN(3)), uint64(rng.IntN(6)))
			key := fmt.Sprint(b.AOR, b.Contact)
			old, ok := set[key]
			if ok && rng.IntN(3) == 0 {
				delete(set, key)
				d = append(d, location.Change{Old: old})
				continue
			}
			set[key] = b
			d = append(d, location.Change{Old: old, New: b})
		}
		all := make([]location.Binding, 0, len(set))
		for _, b := range set {
			all = append(all, b)
		}
		p.deltas, p.held = append(p.deltas, d), append(p.held, all)
	}
	return p
}

// tell lets a view learn what a home has said, from one version on, in one of
// the ways in which it may arrive, and returns how far it has come.
func (p past) tell(h *view.Home, at int, rng *rand.Rand) int {
	version := func(n int) record.Version { return record.Version{Epoch: "e", Serial: uint32(n)} }
	node := record.Node{Name: p.home, State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
	switch left := len(p.deltas) - at; rng.IntN(5) {
	case 0: // all of a later version, or of the same one again
		at += rng.IntN(left + 1)
		all := slices.Clone(p.held[at])
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		h.Replace(version(at), &node, all)
	case 1: // the last step again
		if at > 0 {
			h.Apply(version(at), nil, p.deltas[at-1])
		}
	case 2: // several steps as one
		n := rng.IntN(left + 1)
		h.Apply(version(at+n), &node, slices.Concat(p.deltas[at:at+n]...))
		at += n
	case 3: // the node is gone for a while
		h.SetReach(view.Gone)
		h.SetReach(view.Alive)
	default:
		if left > 0 {
			at++
			h.Apply(version(at), &node, p.deltas[at-1])
		}
	}
	return at
}

// homesOf returns the homes that a view names for a user, the first one first.
func homesOf(v *Zone, aor string) string {
	var out []string
	for _, rr := range v.Lookup(aor+".users."+origin, dns.TypeNAPTR).Answer {
		n := rr.(*dns.NAPTR)
		if n.Service != "E2U+sip" {
			continue
		}
		_, host, _ := strings.Cut(n.Regexp, "@")
		host, _, _ = strings.Cut(host, ".")
		out = append(out, fmt.Sprintf("%05d %s", n.Preference, host))
	}
	slices.Sort(out)
	for i := range out {
		out[i] = out[i][6:]
	}
	return strings.Join(out, " ")
}

// Whatever way news take: in any interleaving of the homes, steps together or
// one by one, repeated, or replaced by a full zone, every view holds the same in
// the end and names the same homes in the same order, and it is the order of the
// rule: highest stamp first, then by the name of the home.
func TestViewsMergeAlike(t *testing.T) {
	const aors = 8
	names := []string{"pbx-b", "pbx-c", "pbx-d", "pbx-e"}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var homes []past
		best := map[string]map[string]location.Stamp{} // by AOR, by home
		for _, n := range names {
			p := newPast(n, rng, aors, 12)
			homes = append(homes, p)
			for _, b := range p.held[len(p.deltas)] {
				a := string(b.AOR)
				if best[a] == nil {
					best[a] = map[string]location.Stamp{}
				}
				best[a][n] = max(best[a][n], b.Stamp)
			}
		}
		digests := map[string]record.Digest{}
		for view := range 4 {
			v := newTestView(t, Newest)
			at := make([]int, len(homes))
			for done := 0; done < len(homes); {
				i := rng.IntN(len(homes))
				was := at[i] == len(homes[i].deltas)
				at[i] = homes[i].tell(v.Home(names[i]), at[i], rng)
				if !was && at[i] == len(homes[i].deltas) {
					done++
				}
			}
			for i, n := range names {
				d := v.Home(n).Digest()
				if view > 0 && d != digests[n] || d.Bindings != len(homes[i].held[len(homes[i].deltas)]) {
					t.Fatalf("seed %d: view %d holds %+v of %s, the first one %+v", seed, view, d, n, digests[n])
				}
				digests[n] = d
			}
			for i := range aors {
				aor := fmt.Sprint(1000 + i)
				want := []string{}
				for n := range best[aor] {
					want = append(want, n)
				}
				slices.SortFunc(want, func(a, b string) int {
					if x, y := best[aor][a], best[aor][b]; x != y {
						return int(int64(y) - int64(x))
					}
					return strings.Compare(a, b)
				})
				if got := homesOf(v, aor); got != strings.Join(want, " ") {
					t.Fatalf("seed %d: view %d names %q for %s, want %q", seed, view, got, aor, want)
				}
			}
		}
	}
}
