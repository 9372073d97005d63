package node

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/location"
)

// A node that starts under another name takes along what it had published, if it is
// the same machine; data that were copied from another one publish nothing. Either
// way nothing is lost, and nothing is called corrupt.
func TestRename(t *testing.T) {
	here, elsewhere := netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.4")
	for name, c := range map[string]struct {
		addr netip.Addr
		want int
		log  string
	}{
		"renamed":          {here, 2, "what it had published is taken over"},
		"of a copied disk": {elsewhere, 0, "the journal's node had other addresses"},
	} {
		settings := config.Config{Node: "pbx-c", Data: t.TempDir(), Addrs: []netip.Addr{here}}
		n := newTestNode(t, settings)
		b, err := location.Publish(location.Number, "97231231001", location.Details{Of: "1001"})
		if err != nil {
			t.Fatal(err)
		}
		n.primary.Update(func(s *location.Store) []location.Change {
			return s.Register(location.Contact{AOR: "1001", Kind: location.PJSIP, URI: "sip:1001@192.0.2.9"})
		})
		n.primary.Publish(func(*location.Store, *location.Publications) ([]location.Change, error) {
			return []location.Change{{New: b}}, nil
		})
		before := n.primary.Version()
		_, _, kept := n.primary.Snapshot()
		n.Stop()

		var log logBuffer
		settings.Node, settings.Addrs = "pbx-d", []netip.Addr{c.addr}
		n = begin(t, slog.New(slog.NewTextHandler(&log, nil)), settings)
		after, self, all := n.primary.Snapshot()
		if len(all) != c.want || after.Epoch == before.Epoch || self.Name != "pbx-d" {
			t.Errorf("%s: %d bindings of %q at %v, want %d in another epoch than %v", name, len(all), self.Name, after, c.want, before)
		}
		if c.want > 0 && (all[0] != kept[0] || all[1] != kept[1]) {
			t.Errorf("%s: %v, want %v with their stamps", name, all, kept)
		}
		if n.recovery.fresh == (c.want > 0) {
			t.Errorf("%s: fresh %v", name, n.recovery.fresh)
		}
		n.Stop()
		if text := log.String(); !strings.Contains(text, c.log) || strings.Contains(text, "corrupt") {
			t.Errorf("%s: log\n%s", name, text)
		}
		if files, _ := filepath.Glob(filepath.Join(settings.Data, "home.journal.pbx-c-*")); len(files) != 1 {
			t.Errorf("%s: set aside: %v", name, files)
		}
		var later logBuffer
		n = begin(t, slog.New(slog.NewTextHandler(&later, nil)), settings)
		if _, _, again := n.primary.Snapshot(); len(again) != c.want || strings.Contains(later.String(), "another name") {
			t.Errorf("%s: after another restart %d bindings; log\n%s", name, len(again), later.String())
		}
	}
}

// The journal of another federation's node is set aside under its own name.
func TestJournalOfAnotherZone(t *testing.T) {
	dir := t.TempDir()
	text := "asterfed-journal 1 pbx-a other.example. epoch=00000000000000aa boot=x fresh\n"
	if err := os.WriteFile(filepath.Join(dir, "home.journal"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := takeFormer(dir, "pbx-a", testZone, slog.New(slog.DiscardHandler))
	if f != nil || err != nil {
		t.Errorf("took over %v, %v", f, err)
	}
	if list, _ := filepath.Glob(filepath.Join(dir, "home.journal*")); len(list) != 1 || list[0] == filepath.Join(dir, "home.journal") {
		t.Errorf("files %v", list)
	}
}

// A node whose address another one has now is forgotten once Serf no longer reaches
// it, not before; its name at another address is a node again.
func TestRenamedNodeIsForgotten(t *testing.T) {
	n := newTestNode(t, config.Config{Transfer: netip.MustParseAddrPort("192.0.2.1:53")})
	event := func(k serf.Kind, name, dns string) {
		n.peers.event(serf.Event{Kind: k, Member: serf.Member{Name: name, Tags: map[string]string{"zone": testZone, "dns": dns}}})
	}
	known := func(name string, want bool) {
		t.Helper()
		if got := n.peers.member(name) != nil; got != want {
			t.Errorf("%s known: %v, want %v", name, got, want)
		}
	}
	event(serf.EventJoin, "pbx-c", "127.0.0.1:1")
	event(serf.EventJoin, "pbx-d", "127.0.0.1:1")
	known("pbx-c", true)
	event(serf.EventFailed, "pbx-c", "127.0.0.1:1")
	known("pbx-c", false)
	known("pbx-d", true)
	event(serf.EventJoin, "pbx-c", "127.0.0.2:1")
	event(serf.EventFailed, "pbx-c", "127.0.0.2:1")
	known("pbx-c", true) // it is down, no more
	event(serf.EventJoin, "pbx-old", "192.0.2.1:53")
	event(serf.EventFailed, "pbx-old", "192.0.2.1:53")
	known("pbx-old", false) // this node's own former name
}

func TestNamesAreRemembered(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	n := openNames(dir, log)
	for _, name := range []string{"pbx-c", "", "pbx-c", "two words", "a"} {
		n.add(name)
	}
	again := openNames(dir, log)
	if !again.had("pbx-c") || !again.had("a") || again.had("") || again.had("two") || len(again.list) != 2 {
		t.Errorf("remembered %q", again.list)
	}
	for i := range 100 {
		again.add(strings.Repeat("x", i+1))
	}
	if len(openNames(dir, log).list) != maxNames {
		t.Errorf("%d names", len(again.list))
	}
}
