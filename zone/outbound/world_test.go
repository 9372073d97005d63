package outbound

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// world is a view in which things happen at random, and its zone.
type world struct {
	*rand.Rand
	t     *testing.T
	v     *answer.Zone
	z     *Zone
	now   time.Time
	held  map[string][]location.Binding // by node
	count uint64
}

var nodes = []string{"pbx-a", "pbx-b", "pbx-c"}

func newWorld(t *testing.T, seed uint64, order answer.Order, data string) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), t: t, now: time.Unix(1_800_000_000, 0), held: map[string][]location.Binding{}}
	w.open(order, data)
	return w
}

// open begins anew, as a process that starts.
func (w *world) open(order answer.Order, data string) {
	c := answer.Config{Order: order, Dial: answer.Dial{Country: "98", National: "0", International: "00"}}
	if w.IntN(2) == 0 {
		c.ITAD = "256"
	} else {
		c.Delegations = []answer.Delegation{{Block: "989", Servers: []answer.NameServer{
			{Name: "ns.9.8.9.e164." + origin, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}, {Name: "ns.example."}}}}
	}
	w.v = answer.New(c, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second, Now: func() time.Time { return w.now }}))
	w.z = Open(Config{View: w.v, Data: data, Followed: true, Now: func() time.Time { return w.now }, Logger: slog.New(slog.DiscardHandler)})
	for i, n := range nodes {
		node := w.node(n, i)
		w.v.Home(n).Apply(record.Version{Epoch: "e", Serial: 1}, &node, nil)
	}
	w.v.SetSettled(true)
}

func (w *world) node(name string, i int) record.Node {
	n := record.Node{Name: name, State: record.Up, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})},
		SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
	switch w.IntN(4) {
	case 0:
		n.SIP = append(n.SIP, record.Transport{Proto: "tcp", Port: 5060})
	case 1:
		n.IAX = 4569
	}
	n.State = []record.NodeState{record.Up, record.Up, record.Draining, record.Down}[w.IntN(4)]
	return n
}

const alphabet = "0189"

func (w *world) digits() string {
	b := make([]byte, 1+w.IntN(4))
	for i := range b {
		b[i] = alphabet[w.IntN(len(alphabet))]
	}
	return string(b)
}

func (w *world) user() string {
	return []string{"alice", "Bob", "al.ice", "x.al.ice", w.digits(), "+" + w.digits()}[w.IntN(6)]
}

// binding returns one of any kind.
func (w *world) binding() location.Binding {
	w.count++
	kinds := []location.Kind{location.PJSIP, location.SIP, location.User, location.Number, location.Number, location.Prefix,
		location.Range, location.Wildcard, location.Trunk, location.Provider, location.Service, location.Entry}
	k := kinds[w.IntN(len(kinds))]
	name, d := w.user(), location.Details{}
	switch w.IntN(3) {
	case 0:
		d.Target = location.AOR(fmt.Sprint("t", w.IntN(5)))
	case 1:
		d.Of = location.AOR(w.user())
	}
	if w.IntN(3) == 0 {
		d.Name = []string{"Alice", "Bob \"B\"", "Ünal"}[w.IntN(3)]
	}
	if w.IntN(4) == 0 {
		d.Cost = uint16(w.IntN(3))
	}
	stamp := location.Stamp(w.IntN(50))
	switch {
	case k.Registered():
		return location.Binding{AOR: location.AOR(name), Kind: k, Contact: location.ContactID(w.count), Stamp: stamp}
	case k == location.Range:
		name = w.digits()
		for d.To = w.digits(); len(d.To) != len(name) || d.To < name; d.To = w.digits() {
		}
	case k.Dialled():
		name = w.digits()
		if k != location.Number {
			name = name[:w.IntN(len(name)+1)]
		}
	case k == location.Trunk || k == location.Provider || k == location.Service:
		name = []string{"berlin", "hamburg"}[w.IntN(2)]
	}
	b, err := location.Publish(k, name, d)
	if err != nil {
		w.t.Fatal(err)
	}
	b.Stamp = stamp
	return b
}

// happen changes something.
func (w *world) happen() {
	n := nodes[w.IntN(len(nodes))]
	h := w.v.Home(n)
	v := h.Version()
	v.Serial++
	switch op := w.IntN(24); {
	case op == 0:
		h.SetReach(view.Reach(w.IntN(3)))
	case op == 1:
		node := w.node(n, w.IntN(5))
		h.Apply(v, &node, nil)
	case op == 2:
		h.SetDistance(time.Duration(w.IntN(60)) * time.Millisecond)
	case op == 3 && len(w.held[n]) > 0: // a full transfer
		w.held[n] = w.held[n][:w.IntN(len(w.held[n]))]
		h.Replace(v, nil, slices.Clone(w.held[n]))
	case op < 12 && len(w.held[n]) > 0 || len(w.held[n]) > 15:
		i := w.IntN(len(w.held[n]))
		h.Apply(v, nil, []location.Change{{Old: w.held[n][i]}})
		w.held[n] = slices.Delete(w.held[n], i, i+1)
	default:
		b := w.binding()
		w.held[n] = slices.DeleteFunc(w.held[n], func(o location.Binding) bool { return o.AOR == b.AOR && o.Contact == b.Contact })
		w.held[n] = append(w.held[n], b)
		h.Apply(v, nil, []location.Change{{New: b}})
	}
}

func (w *world) dump() {
	for n, all := range w.held {
		for _, b := range all {
			w.t.Logf("%s (%v, visible %v): %s %s %+v", n, w.v.Home(n).Reach(), w.v.Home(n).Visible(), b.Kind, b.AOR, b.Info.Details())
		}
	}
}

// questions are names all over the zone, and around it.
func questions() (out []string) {
	digits := []string{""}
	for range 5 {
		for _, d := range digits {
			for _, rest := range []string{"", "*.", "foo.", "foo.*.", "*.*.", "2."} {
				if d == "" && rest == "" {
					continue
				}
				out = append(out, rest+record.ENUM(d)+"e164.")
				if len(d) < 4 {
					out = append(out, rest+record.ENUM(d)+"256.isn.")
				}
			}
		}
		var longer []string
		for _, d := range digits {
			for _, c := range alphabet {
				longer = append(longer, d+string(c))
			}
		}
		digits = longer
		if len(longer) > 256 {
			break
		}
	}
	for _, d := range []string{"alice", "bob", "al.ice", "x.al.ice", "ice", "1", "18", "+18", "9", "t1"} {
		out = append(out, d+".users.", "_udp."+d+".users.", "foo."+d+".users.", "*."+d+".users.")
		for _, l := range []string{"_sip._udp.", "_sip._tcp.", "_sips._tcp.", "_iax._udp."} {
			out = append(out, l+d+".users.")
		}
	}
	for _, d := range []string{"berlin.trunks.", "hamburg.providers.", "berlin.services.", "pbx-a.nodes.", "pbx-b.nodes.", "pbx-x.nodes.", ""} {
		out = append(out, d, "_udp."+d, "_tcp."+d, "_sip._udp."+d, "_iax._udp."+d, "_sip._tcp."+d, "foo."+d)
	}
	return append(out, "users.", "e164.", "nodes.", "trunks.", "providers.", "services.", "isn.", "256.isn.", "9.isn.", "homes.", "pbx-a.homes.", "www.")
}

var qtypes = []uint16{dns.TypeNAPTR, dns.TypeTXT, dns.TypeSRV, dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeDS}

// alike compares what the node answers with what a secondary does.
func (w *world) alike(s secondary, names []string) {
	w.t.Helper()
	for _, n := range names {
		qname := n + origin
		for _, qtype := range qtypes {
			if dialled(n) {
				continue
			}
			r := w.v.Lookup(qname, qtype)
			got, want := meaning(s.answer(qname, qtype)), meaning(r.Rcode, r.Answer, r.Referral)
			if got != want {
				w.dump()
				w.t.Fatalf("%s %s: the secondary answers\n%s\nthe node\n%s", qname, dns.TypeToString[qtype], got, want)
			}
		}
	}
}

// dialled: a number that begins as one that is dialled is not in a copy of the
// zone.
func dialled(name string) bool {
	for _, tree := range []string{"e164.", "256.isn."} {
		if rel, _, ok := strings.Cut(name, tree); ok {
			return strings.HasSuffix(rel, "0.")
		}
	}
	return false
}
