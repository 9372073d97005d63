package primary

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

func newTestPrimary(t *testing.T) (*Primary, *answer.Zone) {
	t.Helper()
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}))
	v.SetSettled(true)
	return New(Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Logger: slog.New(slog.DiscardHandler),
		Node: record.Node{Name: "pbx-a", State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}}), v
}

// A disk that hangs keeps nobody from asking for the version: peers would
// take the silence for a failure.
func TestSlowDiskSilencesNobody(t *testing.T) {
	p, j, _ := openPrimary(t, t.TempDir())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	j.file.Close()
	j.file = w
	before := p.Version()
	writing, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := p.Update(func(s *location.Store) (out []location.Change) {
			for i := range 5000 { // more than a pipe holds
				out = append(out, s.Register(location.Contact{AOR: location.AOR(fmt.Sprint(1000 + i)), Kind: location.PJSIP, URI: "sip:x"})...)
			}
			close(writing)
			return out
		})
		done <- err
	}()
	<-writing
	asked := make(chan record.Version, 1)
	go func() {
		p.Node()
		p.Changed()
		p.Since(before.Serial)
		asked <- p.Version()
	}()
	select {
	case v := <-asked:
		if v != before {
			t.Errorf("version is %v before the disk has it, want %v", v, before)
		}
	case <-time.After(5 * time.Second):
		t.Error("the version cannot be asked for while the disk hangs")
	}
	go io.Copy(io.Discard, r)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if v := p.Version(); v.Serial != before.Serial+1 {
		t.Errorf("version is %v, want the next after %v", v, before)
	}
}

// The history is bounded in steps too: a node whose Asterisk comes and goes
// makes steps without a binding.
func TestHistoryIsBounded(t *testing.T) {
	p, _ := newTestPrimary(t)
	p.kept += maxHistory - 100
	for i := range 1000 {
		p.SetNode(func(n *record.Node) { n.State = []record.NodeState{record.Down, record.Up}[i%2] })
	}
	if n := len(p.deltas); n > 100 {
		t.Errorf("%d steps are kept, want 100 at most", n)
	}
	v := p.Version()
	if _, deltas, ok := p.Since(v.Serial - 10); !ok || len(deltas) != 10 {
		t.Errorf("Since 10 steps ago: %d deltas, %v", len(deltas), ok)
	}
}

func TestSince(t *testing.T) {
	p, _ := newTestPrimary(t)
	p.version.Serial = 1<<32 - 2 // about to wrap (RFC 1982)
	p.deltas = nil
	first := p.Version()
	register(t, p, "1001")
	register(t, p, "1002")
	register(t, p, "1003")
	v, deltas, ok := p.Since(first.Serial)
	if !ok || len(deltas) != 3 || v.Serial != 1 || !record.Newer(v.Serial, first.Serial) {
		t.Fatalf("Since(%d) is %v, %d deltas, %v", first.Serial, v, len(deltas), ok)
	}
	for i, d := range deltas {
		if d.To != d.From+1 || i > 0 && d.From != deltas[i-1].To {
			t.Errorf("delta %d leads from %d to %d", i, d.From, d.To)
		}
	}
	if _, deltas, ok := p.Since(v.Serial); !ok || len(deltas) != 0 {
		t.Errorf("Since the current serial: %d deltas, %v", len(deltas), ok)
	}
	if _, _, ok := p.Since(first.Serial - 1); ok {
		t.Error("Since a serial before the history is answered")
	}
}

func TestRecoverExceedsWhatPeersHold(t *testing.T) {
	p, v := newTestPrimary(t)
	register(t, p, "1001")
	epoch := p.Version().Epoch
	kept := []location.Binding{binding("1001", 99, 5), binding("1002", 7, 9)}
	if err := p.Recover(record.Version{Epoch: "old", Serial: 5000}, kept, func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	if got := p.Version(); got.Epoch != epoch || !record.Newer(got.Serial, 5000) {
		t.Errorf("version is %v, want above 5000 in the same epoch", got)
	}
	if v.Rival("1002") != 0 || v.Home("pbx-a").Len() != 3 {
		t.Errorf("%d bindings, want 3", v.Home("pbx-a").Len())
	}
	serial := p.Version().Serial
	if err := p.Recover(record.Version{Epoch: "old", Serial: 5000}, kept, func() bool { return false }); err != nil || p.Version().Serial < serial {
		t.Errorf("recovered again: %v, version %v", err, p.Version())
	}
}

// A registrar that spells an AOR otherwise keeps its user in DNS.
func TestRespelledAORStays(t *testing.T) {
	p, v := newTestPrimary(t)
	list := func(aor location.AOR) {
		p.Update(func(s *location.Store) []location.Change {
			return s.Sweep(location.PJSIP, location.List(location.Contact{AOR: aor, Kind: location.PJSIP, URI: "sip:x"}))
		})
	}
	list("Alice")
	list("alice")
	r := v.Lookup("alice.users."+origin, dns.TypeNAPTR)
	if len(r.Answer) == 0 || r.Answer[0].(*dns.NAPTR).Regexp != "!^.*$!sip:alice@pbx-a.nodes.fed.example!" {
		t.Errorf("alice is %v, %s", r.Answer, dns.RcodeToString[r.Rcode])
	}
	if n := v.Home("pbx-a").Len(); n != 1 {
		t.Errorf("%d bindings, want 1", n)
	}
}

// A node that lost its data and dies before it has learnt anything has still
// lost it: its empty zone is not the truth.
func TestFreshUntilSomethingIsKept(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		j, _, err := OpenJournal(dir, "pbx-a", origin)
		if err != nil {
			t.Fatal(err)
		}
		if !j.Fresh() {
			t.Error("nothing was ever kept, and yet the journal is not fresh")
		}
		New(Config{Zone: answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-a"})).Own(), Clock: location.NewClock(time.Now),
			Node: record.Node{Name: "pbx-a", State: record.Up}, Journal: j, Logger: slog.New(slog.DiscardHandler)})
	}
	p, _, _ := openPrimary(t, dir)
	register(t, p, "1001")
	p.Update(func(s *location.Store) []location.Change { return s.Sweep(location.PJSIP, location.List()) })
	for range 2 { // the second begins without history
		_, j, _ := openPrimary(t, dir)
		if j.Fresh() {
			t.Error("an empty zone is kept, and yet the journal is fresh")
		}
	}
}
