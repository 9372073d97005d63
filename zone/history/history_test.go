package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

const origin = "fed.example."

// bench is a view with a history, and a clock that only the test moves.
type bench struct {
	t   *testing.T
	dir string
	now time.Time
	log *Log
	v   *answer.Zone
}

func newBench(t *testing.T, dir string, now time.Time, edit ...func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, dir: dir, now: now}
	c := Config{Path: filepath.Join(dir, "history.db"), Now: func() time.Time { return b.now }, noSync: true}
	for _, f := range edit {
		f(&c)
	}
	b.log = New(c)
	b.v = answer.New(answer.Config{Order: answer.Newest}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: time.Second, Now: c.Now, Listeners: view.Listeners{OnChange: b.log.Record}}))
	if err := b.log.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.log.db.Close() })
	b.log.begin("order=newest")
	for i, name := range []string{"pbx-a", "pbx-b", "pbx-c"} {
		n := record.Node{Name: name, State: record.Up, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})},
			SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
		b.v.Home(name).Apply(record.Version{Epoch: "e", Serial: 1}, &n, nil)
	}
	b.v.SetSettled(true)
	b.log.Settled()
	return b
}

func (b *bench) flush() { b.log.flush(func() map[string]view.HomeState { return Homes(b.v) }) }

// pass moves the clock.
func (b *bench) pass(d time.Duration) { b.now = b.now.Add(d) }

func (b *bench) bind(home, aor string, contact uint64, stamp int) {
	h := b.v.Home(home)
	h.Apply(h.Version(), nil, []location.Change{{New: location.Binding{AOR: location.AOR(aor), Kind: location.PJSIP,
		Contact: location.ContactID(contact), Stamp: location.Stamp(stamp)}}})
}

func (b *bench) unbind(home, aor string, contact uint64) {
	h := b.v.Home(home)
	for _, c := range b.v.Claims(view.UserKey(strings.ToLower(aor))) {
		if c.Home == home && c.Binding.Contact == location.ContactID(contact) {
			h.Apply(h.Version(), nil, []location.Change{{Old: c.Binding}})
		}
	}
}

// answerTo is what an explanation says is answered.
func answerTo(e answer.Explanation) string {
	out := e.Answer
	for _, c := range e.Claims {
		if c.Preference != 0 {
			out += fmt.Sprintf(" %d:%s@%s", c.Preference, c.User, c.Home)
		}
	}
	return out
}

func (b *bench) at(qname string, t time.Time) string {
	b.t.Helper()
	e, err := b.log.At(b.v, qname, t)
	if err != nil {
		return err.Error()
	}
	return answerTo(e)
}

// Whatever happened, the log says of every moment what was answered then.
func TestPastIsWhatWasAnswered(t *testing.T) {
	names := []string{"1001.users.", "1002.users.", "al.users.", "1.0.0.1.e164.", "5.5.e164.", "x.trunks."}
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		start := time.UnixMilli(1795384580000)
		b := newBench(t, t.TempDir(), start)
		publish := func(home string, k location.Kind, name string, d location.Details, gone bool) {
			x, err := location.Publish(k, name, d)
			if err != nil {
				t.Fatal(err)
			}
			h, c := b.v.Home(home), location.Change{New: x}
			if gone {
				c = location.Change{Old: x}
			}
			h.Apply(h.Version(), nil, []location.Change{c})
		}
		type moment struct {
			t    time.Time
			want map[string]string
		}
		var past []moment
		for step := range 60 {
			b.pass(time.Duration(1+rnd.IntN(5000)) * time.Millisecond)
			home := []string{"pbx-a", "pbx-b", "pbx-c"}[rnd.IntN(3)]
			aor := []string{"1001", "1002"}[rnd.IntN(2)]
			switch rnd.IntN(9) {
			case 0, 1, 2:
				b.bind(home, aor, 1+rnd.Uint64N(2), step+1)
			case 3:
				b.unbind(home, aor, 1+rnd.Uint64N(2))
			case 4:
				b.v.Home(home).SetReach([]view.Reach{view.Alive, view.Orphan, view.Gone}[rnd.IntN(3)])
			case 5:
				h := b.v.Home(home)
				n, _ := h.Node()
				n.State = []record.NodeState{record.Up, record.Down, record.Draining}[rnd.IntN(3)]
				h.Apply(h.Version(), &n, nil)
			case 6:
				publish(home, location.User, "al", location.Details{Of: location.AOR(aor)}, rnd.IntN(2) == 0)
			case 7:
				publish(home, location.Prefix, "5", location.Details{Cost: uint16(rnd.IntN(3))}, rnd.IntN(2) == 0)
			case 8:
				publish(home, location.Trunk, "x", location.Details{}, rnd.IntN(2) == 0)
				b.v.Home(home).SetDistance(time.Duration(rnd.IntN(60)) * time.Millisecond)
			}
			if rnd.IntN(4) == 0 {
				b.flush()
			}
			m := moment{b.now, map[string]string{}}
			for _, n := range names {
				m.want[n] = answerTo(b.v.Explain(n + origin))
			}
			past = append(past, m)
		}
		for i, m := range past {
			if i%3 != int(seed)%3 {
				continue
			}
			for _, n := range names {
				got, want := b.at(n+origin, m.t), m.want[n]
				if n == "x.trunks." || n == "5.5.e164." { // equals take turns
					got, want = sorted(got), sorted(want)
				}
				if got != want && !(strings.HasPrefix(want, "NODATA") && got == "NXDOMAIN") {
					t.Fatalf("seed %d, step %d, %s: got %q, want %q", seed, i, n, got, want)
				}
			}
		}
	}
}

func sorted(s string) string {
	f := strings.Fields(s)
	slices.Sort(f)
	return strings.Join(f, " ")
}

// A killed process loses nothing that was written, and the next one goes on.
func TestRestart(t *testing.T) {
	dir, start := t.TempDir(), time.UnixMilli(1795384580000)
	b := newBench(t, dir, start)
	b.pass(time.Second)
	b.bind("pbx-b", "1001", 1, 1)
	b.pass(time.Second)
	b.flush()
	b.log.db.Close() // as a kill: nothing is told

	c := newBench(t, dir, b.now.Add(10*time.Minute))
	c.bind("pbx-b", "1001", 1, 1)
	c.pass(time.Second)
	c.unbind("pbx-b", "1001", 1)
	c.bind("pbx-c", "1001", 2, 2)
	c.flush()
	c.pass(time.Hour)
	for _, x := range []struct {
		after time.Duration
		want  string
	}{
		{-time.Hour, "no history of that time: it begins 2026-11-22"},
		{500 * time.Millisecond, "NXDOMAIN"},
		{1500 * time.Millisecond, "NAPTR 10:1001@pbx-b"},
		{11 * time.Minute, "NAPTR 10:1001@pbx-c"},
		{24 * time.Hour, "no history of the future"},
	} {
		if got := c.at("1001.users."+origin, start.Add(x.after)); !strings.HasPrefix(got, strings.Replace(x.want, "2026-11-22", "", 1)) {
			t.Errorf("after %v: %q, want %q", x.after, got, x.want)
		}
	}
	e, err := c.log.At(c.v, "1001.users."+origin, start.Add(5*time.Minute))
	if err != nil || !strings.HasPrefix(e.Note, "the node was not running: its last sign of life was at ") {
		t.Errorf("between the runs: %+v, %v", e, err)
	}
	list, err := c.log.Changes(c.v, "1001.users."+origin, 100)
	var got []string
	for _, e := range list {
		got = append(got, e.What+" "+e.Home)
	}
	want := "added pbx-c,removed pbx-b,added pbx-b,start ,added pbx-b,node pbx-c,node pbx-b,start "
	if s := strings.Join(got, ","); err != nil || !strings.HasPrefix(s, "added pbx-c,removed pbx-b,added pbx-b,") || strings.Count(s, "start") != 2 {
		t.Errorf("changes %s, %v; want like %s", s, err, want)
	}
}

// The log stays within its bounds, and what is left is still right.
func TestBounds(t *testing.T) {
	start := time.UnixMilli(1795384580000)
	b := newBench(t, t.TempDir(), start, func(c *Config) { c.MaxBytes, c.MaxAge = 4_000, 24*time.Hour })
	b.bind("pbx-b", "9999", 9, 1)
	for i := range 600 {
		b.pass(time.Second)
		b.bind([]string{"pbx-b", "pbx-c"}[i%2], fmt.Sprint(1000+i%50), uint64(i+1), i+1)
		b.unbind([]string{"pbx-b", "pbx-c"}[i%2], fmt.Sprint(1000+(i+25)%50), uint64(i-24))
		b.flush()
	}
	if b.log.size > 4_000 {
		t.Errorf("the log holds %d octets, 4,000 are allowed", b.log.size)
	}
	info, err := os.Stat(b.log.cfg.Path)
	if err != nil || info.Size() > 1<<20 {
		t.Errorf("the file has %d octets, %v", info.Size(), err)
	}
	if got := b.at("1001.users."+origin, start.Add(time.Minute)); !strings.HasPrefix(got, "no history of that time") {
		t.Errorf("what was pruned is still known: %s", got)
	}
	if got := b.at("9999.users."+origin, b.now.Add(-10*time.Second)); got != "NAPTR 10:9999@pbx-b" {
		t.Errorf("a name without changes in what is left: %s", got)
	}
	b.pass(25 * time.Hour)
	b.bind("pbx-b", "1", 1, 9999)
	b.flush()
	b.pass(time.Second)
	b.bind("pbx-b", "2", 1, 9999)
	b.flush()
	if got := b.at("9999.users."+origin, b.now.Add(-26*time.Hour)); !strings.HasPrefix(got, "no history of that time") {
		t.Errorf("what is too old is still known: %s", got)
	}
}

// A disk that does not take anything blocks nobody; what is lost is counted and
// told as a gap.
func TestSlowDisk(t *testing.T) {
	b := newBench(t, t.TempDir(), time.UnixMilli(1795384580000))
	b.flush()
	for i := range maxQueue + 500 {
		b.log.Record(view.Change{At: b.now, Key: view.UserKey(fmt.Sprint(i))})
	}
	if n := b.log.Dropped(); n != 500 {
		t.Errorf("%d dropped, want 500", n)
	}
	b.bind("pbx-b", "1001", 1, 1) // lost
	b.pass(time.Second)
	b.flush()
	b.pass(time.Minute)
	e, err := b.log.At(b.v, "1001.users."+origin, b.now)
	if err != nil || !strings.Contains(e.Note, "changes of that time are missing") {
		t.Errorf("the gap is not told: %+v, %v", e, err)
	}
}

// What cannot be written waits, and is written later.
func TestFailingDisk(t *testing.T) {
	b := newBench(t, t.TempDir(), time.UnixMilli(1795384580000))
	b.flush()
	b.log.db.Close()
	b.bind("pbx-b", "1001", 1, 1)
	b.flush()
	if len(b.log.pending) != 1 || b.log.Dropped() != 0 {
		t.Errorf("%d pending, %d dropped, want 1 and 0", len(b.log.pending), b.log.Dropped())
	}
	if err := b.log.Open(); err != nil {
		t.Fatal(err)
	}
	b.flush()
	b.pass(time.Second)
	if got := b.at("1001.users."+origin, b.now.Add(-500*time.Millisecond)); got != "NAPTR 10:1001@pbx-b" || len(b.log.pending) != 0 {
		t.Errorf("%s, %d pending", got, len(b.log.pending))
	}
}

// A file that cannot be read is set aside.
func TestCorrupt(t *testing.T) {
	for name, spoil := range map[string]func(path string){
		"text":  func(p string) { os.WriteFile(p, []byte(strings.Repeat("no database\n", 5000)), 0o600) },
		"short": func(p string) { os.Truncate(p, 9000) },
		"pages": func(p string) { // its first two, which bbolt checks, are whole
			b, _ := os.ReadFile(p)
			for i := 2 * os.Getpagesize(); i < len(b); i++ {
				b[i] = 'U'
			}
			os.WriteFile(p, b, 0o600)
		},
	} {
		dir := t.TempDir()
		b := newBench(t, dir, time.UnixMilli(1795384580000))
		b.flush()
		b.log.db.Close()
		spoil(b.log.cfg.Path)
		c := newBench(t, dir, b.now)
		c.bind("pbx-b", "1001", 1, 1)
		c.flush()
		if got := c.at("1001.users."+origin, c.now); got != "NAPTR 10:1001@pbx-b" {
			t.Errorf("%s: %s", name, got)
		}
		if aside, _ := filepath.Glob(c.log.cfg.Path + ".corrupt-*"); len(aside) != 1 {
			t.Errorf("%s: set aside: %v", name, aside)
		}
	}
}

// Run writes what it has at its end.
func TestRun(t *testing.T) {
	b := newBench(t, t.TempDir(), time.UnixMilli(1795384580000))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	b.bind("pbx-b", "1001", 1, 1)
	go func() {
		b.log.Run(ctx, func() map[string]view.HomeState { return Homes(b.v) }, "order=newest")
		close(done)
	}()
	stop()
	<-done
	if err := b.log.Open(); err != nil {
		t.Fatal(err)
	}
	if got := b.at("1001.users."+origin, b.now); got != "NAPTR 10:1001@pbx-b" {
		t.Error(got)
	}
}

// FuzzUnpack: whatever a chunk holds, reading it ends, without a panic.
func FuzzUnpack(f *testing.F) {
	good, err := new(packer).pack([]entry{note(time.UnixMilli(1), startKey, "alive=5 order=all"), {at: time.UnixMilli(2), key: "1001",
		now: []view.Claimed{{Home: "pbx-a", Binding: location.Binding{AOR: "1001", Kind: location.PJSIP, Contact: 1, Stamp: 2}}}},
		{at: time.UnixMilli(3), key: view.HomeKey("pbx-a"), to: view.HomeState{Node: []string{"v=1", "state=up"}, RTT: -1}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, chunk []byte) {
		m := newMoment(time.UnixMilli(2))
		unpack(chunk, func(view.Key) bool { return true }, func(r entry) {
			m.take(r)
			events(r)
		})
	})
}
