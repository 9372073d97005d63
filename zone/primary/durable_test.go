package primary

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// What ends is withdrawn as one version, on the disk or not; until then it is
// told when the next one ends.
func TestExpire(t *testing.T) {
	p, v := newTestPrimary(t)
	now := time.Unix(1_800_000_000, 0)
	err := p.Publish(func(*location.Store, *location.Publications) (out []location.Change, err error) {
		for name, d := range map[string]location.Details{"1": {Expires: now.Unix() + 5}, "2": {Expires: now.Unix() + 5},
			"3": {Expires: now.Unix() + 9}, "4": {}} {
			b, err := location.Publish(location.Number, name, d)
			if err != nil {
				return nil, err
			}
			out = append(out, location.Change{New: b})
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rcode := func(name string) string {
		return dns.RcodeToString[v.Lookup(name+".e164."+origin, dns.TypeNAPTR).Rcode]
	}
	before := p.Version().Serial
	if gone, next := p.Expire(now.Add(4 * time.Second)); len(gone) != 0 || !next.Equal(now.Add(5*time.Second)) || p.Version().Serial != before {
		t.Errorf("too soon: %v, next %v, serial %d", gone, next, p.Version().Serial)
	}
	if gone, next := p.Expire(now.Add(5 * time.Second)); len(gone) != 2 || !next.Equal(now.Add(9*time.Second)) || p.Version().Serial != before+1 {
		t.Errorf("withdrawn %v, next %v, serial %d", gone, next, p.Version().Serial)
	}
	if got := []string{rcode("1"), rcode("2"), rcode("3"), rcode("4")}; !slices.Equal(got, []string{"NXDOMAIN", "NXDOMAIN", "NOERROR", "NOERROR"}) {
		t.Errorf("answers are %v", got)
	}
	if gone, next := p.Expire(now.Add(time.Hour)); len(gone) != 1 || !next.IsZero() {
		t.Errorf("withdrawn %v, next %v", gone, next)
	}
}

// What cannot be kept any more is refused, not acknowledged and lost.
func TestPublishAfterClose(t *testing.T) {
	p, _, _ := openPrimary(t, t.TempDir())
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	err := p.Publish(func(*location.Store, *location.Publications) ([]location.Change, error) {
		b, err := location.Publish(location.Number, "1", location.Details{})
		return []location.Change{{New: b}}, err
	})
	if err == nil {
		t.Error("a binding that is on no disk was acknowledged")
	}
}

// What was refused stays so after a restart, also where the journal had it already
// when the disk failed.
func TestRefusedForTheDiskStaysRefused(t *testing.T) {
	dir := t.TempDir()
	p, j, _ := openPrimary(t, dir)
	register(t, p, "1001")
	tmp := filepath.Join(dir, JournalFile+".tmp")
	if err := os.Mkdir(tmp, 0o750); err != nil {
		t.Fatal(err)
	}
	j.lines = 1 << 20 // bloated: it is to be rewritten, which fails
	err := p.Publish(func(*location.Store, *location.Publications) ([]location.Change, error) {
		b, err := location.Publish(location.Number, "1", location.Details{})
		return []location.Change{{New: b}}, err
	})
	if err == nil {
		t.Fatal("a disk that fails is no error")
	}
	if err := os.Remove(tmp); err != nil {
		t.Fatal(err)
	}
	if p, _, _ = openPrimary(t, dir); p.pubs.Len() != 0 || p.store.Len() != 1 {
		t.Errorf("%d published bindings and %d registrations, want none and one", p.pubs.Len(), p.store.Len())
	}
}
