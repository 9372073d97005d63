package answer

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

func TestReplaceKeepsWhatStays(t *testing.T) {
	v := newTestView(t, Newest)
	b := v.Home("pbx-b")
	b.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 1, 1), bind("1002", 2, 1)})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { // 1001 is in both sets: it must be there at any moment
		defer wg.Done()
		for {
			select {
			case <-stop:
				return
			default:
			}
			if r := v.Lookup("1001.users."+origin, dns.TypeNAPTR); len(r.Answer) == 0 {
				t.Error("1001 was absent while the zone was replaced")
				return
			}
		}
	}()
	for i := range 500 {
		b.Replace(record.Version{Epoch: "f", Serial: uint32(i)}, nil, []location.Binding{binding("1001", uint64(i+1), 5), binding("1003", 3, 5)})
	}
	close(stop)
	wg.Wait()
	if b.Len() != 2 {
		t.Errorf("Len is %d, want 2", b.Len())
	}
	if r := v.Lookup("1002.users."+origin, dns.TypeNAPTR); r.Rcode != dns.RcodeNameError {
		t.Error("1002 is not in the new set, but still answers")
	}
}

// A node is answered from its first moment on: whoever asks while it appears
// gets all of it or nothing.
func TestNodeAppearsWhole(t *testing.T) {
	node := record.Node{State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}}
	for range 2000 {
		v := newTestView(t, Newest)
		var wg sync.WaitGroup
		wg.Go(func() {
			for len(v.Lookup("1001.users."+origin, dns.TypeNAPTR).Answer) == 0 {
				runtime.Gosched()
			}
		})
		v.Home("pbx-d").Replace(record.Version{Epoch: "e", Serial: 2}, &node, []location.Binding{binding("1001", 1, 1)})
		wg.Wait()
	}
}

// Several writers at random leave exactly what a plain map says.
func TestViewAgainstModel(t *testing.T) {
	v := newTestView(t, Newest)
	model := map[string]map[string]bool{"pbx-a": {}, "pbx-b": {}, "pbx-c": {}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, node := range []string{"pbx-a", "pbx-b", "pbx-c"} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			h := v.Home(node)
			for step := range 5000 {
				aor := fmt.Sprint(100 + rng.IntN(150))
				old := binding(aor, uint64(i), 0)
				c := location.Change{New: old}
				mu.Lock()
				if model[node][aor] {
					c = location.Change{Old: old}
				}
				model[node][aor] = !model[node][aor]
				mu.Unlock()
				h.Apply(record.Version{Epoch: "e", Serial: uint32(step)}, nil, []location.Change{c})
			}
		}()
	}
	wg.Wait()
	for n := range 250 {
		aor := fmt.Sprint(n)
		homes := 0
		for node := range model {
			if model[node][aor] {
				homes++
			}
		}
		r := v.Lookup("_sip._udp."+aor+".users."+origin, dns.TypeSRV)
		if len(r.Answer) != homes {
			t.Errorf("%s has %d homes, want %d", aor, len(r.Answer), homes)
		}
	}
	for p := 10; p < 25; p++ { // empty non-terminals follow
		want := false
		for node := range model {
			for aor, there := range model[node] {
				want = want || there && aor[:2] == fmt.Sprint(p)
			}
		}
		q := fmt.Sprintf("%d.%d.e164.%s", p%10, p/10, origin)
		if got := v.Lookup(q, dns.TypeNAPTR).Rcode == dns.RcodeSuccess; got != want {
			t.Errorf("%s exists=%v, want %v", q, got, want)
		}
	}
}

func TestContested(t *testing.T) {
	var told []location.AOR
	v := newTestViewWith(t, Newest, view.Listeners{OnContested: func(a location.AOR) { told = append(told, a) }})
	a, b := v.Home("pbx-a"), v.Home("pbx-b")
	a.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("Alice", 1, 10)})
	b.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("alice", 2, 5)})
	if got := v.Contested(); len(got) != 0 {
		t.Errorf("an older claim contests nothing: %v", got)
	}
	b.Apply(record.Version{Epoch: "e", Serial: 3}, nil, []location.Change{{Old: binding("alice", 2, 5), New: binding("alice", 2, 20)}})
	if got := v.Contested(); len(got) != 1 || got[0] != "Alice" || len(told) != 1 {
		t.Errorf("contested are %v (told %v), want Alice once", got, told)
	}
	if v.Rival("ALICE") != 20 {
		t.Errorf("Rival is %v, want 20", v.Rival("ALICE"))
	}
	a.Apply(record.Version{Epoch: "e", Serial: 3}, nil, []location.Change{{Old: binding("Alice", 1, 10), New: binding("Alice", 1, 30)}})
	if got := v.Contested(); len(got) != 0 {
		t.Errorf("contested are %v after the return, want none", got)
	}
}
