package primary

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// A node's own record always fits into a message: what peers would refuse is
// left out, and the rest of it is published.
func TestNodeLeavesOutWhatPeersRefuse(t *testing.T) {
	var log bytes.Buffer
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}))
	p := New(Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Node: record.Node{Name: "pbx-a", State: record.Up, Region: "a\x1b[2Jb"}})
	for _, version := range []string{strings.Repeat("9", 300), "18\u202e9", "18 9", `18"9`} {
		if err := p.SetNode(func(n *record.Node) { n.Asterisk, n.State = version, record.Draining }); err != nil {
			t.Fatal(err)
		}
		if n := p.Node(); n.Asterisk != "" || n.Region != "" || n.State != record.Draining {
			t.Errorf("node with version %q is %+v: want it without version and region, and draining", version, n)
		}
		m := new(dns.Msg)
		m.Answer = []dns.RR{record.NodeTXT(p.Node(), "pbx-a.homes."+origin, 5)}
		if _, err := m.Pack(); err != nil {
			t.Errorf("version %q: %v", version, err)
		}
	}
	if p.LeftOut() != 5 || strings.Count(log.String(), "left out") != 2 {
		t.Errorf("%d values left out, want 5, and one line for each of the two keys:\n%s", p.LeftOut(), &log)
	}
	p.SetNode(func(n *record.Node) { n.Asterisk = "18.9" })
	if p.Node().Asterisk != "18.9" {
		t.Error("a version that can be published is not")
	}
}

// A journal that an earlier version wrote may have what must not be published:
// that is left out, and all else is there.
func TestJournalLeavesOutWhatPeersRefuse(t *testing.T) {
	dir := t.TempDir()
	lines := "+ 1001 pjsip 00000000000000aa 0000000000000001\n" +
		"+ alice entry 00000000000000bb 0000000000000002 n=" + strings.Repeat("x", 300) + "\n" +
		"+ bob entry 00000000000000cc 0000000000000002 n=" + url.QueryEscape("Bo\x1bb") + "\n" +
		"+ carol entry 00000000000000dd 0000000000000002 n=Carol\n"
	second := "- alice entry 00000000000000bb 0000000000000002 n=" + strings.Repeat("x", 300) + "\n" +
		"+ 1002 pjsip 00000000000000ab 0000000000000003\n"
	file := fmt.Sprintf("asterfed-journal 1 pbx-a %s epoch=00112233aabbccdd boot=%s\n%s= 7 %08x\n%s= 8 %08x\n! clean\n", origin, bootID(),
		lines, crc32.ChecksumIEEE([]byte(lines)), second, crc32.ChecksumIEEE([]byte(second)))
	if err := os.WriteFile(filepath.Join(dir, JournalFile), []byte(file), 0o640); err != nil {
		t.Fatal(err)
	}
	p, _, aside := openPrimary(t, dir)
	if aside != nil {
		t.Fatalf("the journal was set aside: %v", aside)
	}
	v, _, all := p.Snapshot()
	names := map[location.AOR]bool{}
	for _, b := range all {
		names[b.AOR] = true
	}
	if len(all) != 3 || !names["1001"] || !names["1002"] || !names["carol"] || v.Epoch != "00112233aabbccdd" {
		t.Errorf("%s: %v are kept, want 1001, 1002 and carol", v.Epoch, names)
	}
	if p.LeftOut() != 2 {
		t.Errorf("%d bindings left out, want 2", p.LeftOut())
	}
}

// An owner name has at most 255 octets (RFC 1035 §2.3.4): in a zone with a long
// name a long AOR cannot be published.
func TestLongOwnersAreLeftOut(t *testing.T) {
	long := strings.Repeat(strings.Repeat("z", 59)+".", 3) // 180 octets
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: long, Self: "pbx-a", TTL: 5 * time.Second}))
	p := New(Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: "pbx-a", State: record.Up}, Logger: slog.New(slog.DiscardHandler)})
	aor := strings.Repeat("a", 60)
	register(t, p, aor)
	register(t, p, "1001")
	entry, err := location.Publish(location.Entry, aor, location.Details{By: "directory"})
	if err != nil {
		t.Fatal(err)
	}
	p.Follow("directory", []location.Binding{entry}, nil)
	if err := p.Publish(func(*location.Store, *location.Publications) ([]location.Change, error) {
		return []location.Change{{New: entry}}, nil
	}); err == nil {
		t.Error("Publish takes a name that no message can carry")
	}
	_, _, all := p.Snapshot()
	if len(all) != 1 || all[0].AOR != "1001" || v.Home("pbx-a").Len() != 1 || p.LeftOut() != 2 {
		t.Errorf("%v are published, %d left out: want 1001 alone, and 2 left out", all, p.LeftOut())
	}
	if _, err := p.Update(func(s *location.Store) []location.Change {
		return s.Remove(location.AOR(aor), location.PJSIP, "sip:"+aor)
	}); err != nil {
		t.Error(err)
	}
	if _, deltas, _ := p.Since(0); len(deltas) > 3 {
		t.Errorf("what was never published is withdrawn: %v", deltas)
	}
}
