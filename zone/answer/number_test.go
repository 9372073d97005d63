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

func TestBlocks(t *testing.T) {
	for _, c := range []struct{ lo, hi, want string }{
		{"97231234000", "97231234999", "97231234"},
		{"4000", "4999", "4"},
		{"0000", "9999", ""},
		{"4005", "4021", "4005 4006 4007 4008 4009 401 4020 4021"},
		{"7", "7", "7"},
		{"099", "100", "099 100"},
		{"98", "99", "98 99"},
	} {
		if got := strings.Join(record.Blocks(c.lo, c.hi), " "); got != c.want {
			t.Errorf("Blocks(%s, %s) = %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}

// published is what the reference below knows of a binding.
type published struct {
	b    location.Binding
	home *view.Home
}

// reference is the numbers' rules as slowly and plainly as they can be said.
type reference []published

func (r reference) Visible() (out reference) {
	for _, p := range r {
		if p.home.Visible() {
			out = append(out, p)
		}
	}
	return out
}

// block returns the shortest beginning of q all of whose numbers are in the
// range, if any is.
func block(b location.Binding, q string) (string, bool) {
	lo, hi := b.Digits(), b.Info.Details().To
	if b.Kind == location.Prefix {
		return lo, strings.HasPrefix(q, lo)
	}
	for n := 0; n <= min(len(q), len(lo)); n++ {
		rest := len(lo) - n
		if q[:n]+strings.Repeat("0", rest) >= lo && q[:n]+strings.Repeat("9", rest) <= hi {
			return q[:n], true
		}
	}
	return "", false
}

// node reports whether the digits are a node of the tree: a number, the base
// of a wildcard or block, or above one.
func (r reference) node(digits string) bool {
	return slices.ContainsFunc(r, func(p published) bool {
		if p.b.Kind == location.Range {
			return slices.ContainsFunc(record.Blocks(p.b.Digits(), p.b.Info.Details().To),
				func(b string) bool { return strings.HasPrefix(b, digits) })
		}
		n := strings.TrimPrefix(p.b.Digits(), "+")
		return strings.HasPrefix(n, digits)
	})
}

// answer returns the sorted targets for a name: digits, and labels below them.
func (r reference) answer(digits, rest string) (targets []string, exists bool) {
	r = r.Visible()
	target := func(p published) string {
		if t := p.b.Info.Details().Target; t != "" {
			return string(t)
		}
		return string(p.b.AOR)
	}
	take := func(from []published) []string {
		var out []string
		for _, p := range from {
			out = append(out, p.home.Name+"/"+target(p))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	var here []published
	for _, p := range r {
		exact := p.b.Kind == location.Number || p.b.Kind.Named()
		if rest == "" && exact && strings.TrimPrefix(p.b.Digits(), "+") == digits {
			here = append(here, p)
		}
	}
	if len(here) > 0 {
		return take(here), true
	}
	synth := r.synthesis(digits, rest)
	if i := strings.LastIndexByte(rest, '.'); i > 0 && rest[i+1:] == "*" && (digits == "" || r.node(digits)) &&
		len(r.synthesis(digits, "*")) > 0 {
		synth = nil
	}
	if len(synth) > 0 {
		return take(synth), true
	}
	return nil, rest == "" && r.node(digits)
}

// synthesis returns what covers a name that has no data of its own.
func (r reference) synthesis(digits, rest string) (out []published) {
	encloser := -1 // digits of the closest encloser, if the name is no node
	if rest != "" || !r.node(digits) {
		for encloser = len(digits); encloser > 0 && !r.node(digits[:encloser]); encloser-- {
		}
	}
	best := -1
	for _, wild := range []bool{false, true} { // a wildcard beats a block of the same length
		for _, p := range r {
			n := -1
			switch {
			case p.b.Kind == location.Wildcard && wild:
				if len(p.b.Digits()) == encloser && strings.HasPrefix(digits, p.b.Digits()) {
					n = encloser
				}
			case (p.b.Kind == location.Prefix || p.b.Kind == location.Range) && !wild:
				b, ok := block(p.b, digits)
				short := p.b.Kind == location.Range && len(b) < len(p.b.Digits())
				if ok && !(short && rest == "" && b == digits) {
					n = len(b)
				}
			}
			switch {
			case n < 0 || n < best:
			case n > best || wild && !slices.ContainsFunc(out, func(o published) bool { return o.b.Kind == location.Wildcard }):
				best, out = n, []published{p}
			default:
				out = append(out, p)
			}
		}
	}
	return out
}

func randomNumber(r *rand.Rand) string {
	b := make([]byte, 1+r.IntN(3))
	for i := range b {
		b[i] = "0189"[r.IntN(4)]
	}
	return string(b)
}

func randomPublished(t *testing.T, r *rand.Rand, i int, near reference) location.Binding {
	name, d := randomNumber(r), location.Details{Target: location.AOR(fmt.Sprintf("t%d", i))}
	if len(near) > 0 && r.IntN(2) == 0 { // several kinds at one node of the tree
		if n := strings.Trim(string(near[r.IntN(len(near))].b.AOR), "+."); n != "" {
			name = n
		}
	}
	kind := []location.Kind{location.Number, location.Number, location.PJSIP, location.Prefix, location.Range, location.Wildcard}[r.IntN(6)]
	switch kind {
	case location.PJSIP:
		return binding([]string{"", "+"}[r.IntN(2)]+name, uint64(i+1), uint64(r.IntN(3)))
	case location.Range:
		for d.To = randomNumber(r); len(d.To) != len(name) || d.To < name; d.To = randomNumber(r) {
		}
	case location.Prefix, location.Wildcard:
		name = name[:r.IntN(len(name)+1)]
	}
	b, err := location.Publish(kind, name, d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNumbersAgainstReference holds exact numbers, prefixes, ranges and
// wildcards side by side to the rules above, while they come and go and homes
// are hidden, at every name of up to four digits and around them.
func TestNumbersAgainstReference(t *testing.T) {
	var names [][2]string
	for _, rest := range []string{"", "foo", "*", "foo.*", "*.*", "bar.foo", "1.*"} {
		digits := []string{""}
		for range 4 {
			for _, d := range digits {
				names = append(names, [2]string{d, rest})
			}
			var longer []string
			for _, d := range digits {
				for _, c := range "0189" {
					longer = append(longer, d+string(c))
				}
			}
			digits = longer
		}
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		v := newTestView(t, Newest)
		var ref reference
		for i := range 40 {
			h := v.Home([]string{"pbx-a", "pbx-b"}[r.IntN(2)])
			switch op := r.IntN(20); {
			case op == 0:
				h.SetReach([]view.Reach{view.Alive, view.Gone}[r.IntN(2)])
			case op < 9 && len(ref) > 0 || len(ref) > 12:
				k := r.IntN(len(ref))
				ref[k].home.Apply(record.Version{Epoch: "e", Serial: uint32(i + 2)}, nil, []location.Change{{Old: ref[k].b}})
				ref = slices.Delete(ref, k, k+1)
			default:
				b := randomPublished(t, r, i, ref)
				ref = append(ref, published{b, h})
				h.Apply(record.Version{Epoch: "e", Serial: uint32(i + 2)}, nil, []location.Change{{New: b}})
			}
		}
		for _, n := range names {
			if n[0] == "" && n[1] == "" {
				continue
			}
			want, exists := ref.answer(n[0], n[1])
			got, gotExists := ask(v, n[0], n[1])
			if !slices.Equal(got, want) || exists != gotExists {
				for _, p := range ref {
					t.Logf("%s (%v): %s %s %+v", p.home.Name, p.home.Visible(), p.b.Kind, p.b.AOR, p.b.Info.Details())
				}
				t.Fatalf("seed %d, %s below %q: %v (exists %v), want %v (%v)", seed, n[1], n[0], got, gotExists, want, exists)
			}
		}
	}
}

// ask returns the sorted targets of the view's NAPTR answer.
func ask(v *Zone, digits, rest string) (targets []string, exists bool) {
	qname := record.ENUM(digits) + "e164." + origin
	if rest != "" {
		qname = rest + "." + qname
	}
	res := v.Lookup(qname, dns.TypeNAPTR)
	for _, rr := range res.Answer {
		if n := rr.(*dns.NAPTR); n.Service == "E2U+sip" {
			_, uri, _ := strings.Cut(n.Regexp, "!sip:")
			user, host, _ := strings.Cut(uri, "@")
			node, _, _ := strings.Cut(host, ".")
			targets = append(targets, node+"/"+user)
		}
	}
	slices.Sort(targets)
	return targets, res.Rcode == dns.RcodeSuccess
}
