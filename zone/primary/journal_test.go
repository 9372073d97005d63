package primary

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

func openPrimary(t *testing.T, dir string) (*Primary, *Journal, error) {
	t.Helper()
	j, aside, err := OpenJournal(dir, "pbx-a", origin)
	if err != nil {
		t.Fatal(err)
	}
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}))
	p := New(Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: "pbx-a", State: record.Up},
		Journal: j, Logger: slog.New(slog.DiscardHandler)})
	return p, j, aside
}

func register(t *testing.T, p *Primary, aor string) {
	t.Helper()
	if _, err := p.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: location.AOR(aor), Kind: location.PJSIP, URI: "sip:" + aor})
	}); err != nil {
		t.Fatal(err)
	}
}

// A process that is killed goes on with its epoch, serial, stamps and history.
func TestJournalSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	p, _, _ := openPrimary(t, dir)
	register(t, p, "1001")
	before := p.Version()
	register(t, p, "1002")
	want := p.Version()
	stamps := map[location.AOR]location.Stamp{}
	_, _, all := p.Snapshot()
	for _, b := range all {
		stamps[b.AOR] = b.Stamp
	}
	// no Close: killed
	p, _, aside := openPrimary(t, dir)
	if aside != nil {
		t.Fatalf("set aside: %v", aside)
	}
	if p.Version() != want {
		t.Errorf("version is %v, want %v", p.Version(), want)
	}
	_, _, all = p.Snapshot()
	if len(all) != 2 {
		t.Fatalf("%d bindings, want 2", len(all))
	}
	for _, b := range all {
		if stamps[b.AOR] != b.Stamp {
			t.Errorf("stamp of %s is %v, want %v", b.AOR, b.Stamp, stamps[b.AOR])
		}
	}
	if _, deltas, ok := p.Since(before.Serial); !ok || len(deltas) != 1 || deltas[0].Changes[0].AOR() != "1002" {
		t.Errorf("Since(%d) is %v, %v: want the one step with 1002", before.Serial, deltas, ok)
	}
}

func TestJournalTornEndIsCutOff(t *testing.T) {
	dir := t.TempDir()
	p, _, _ := openPrimary(t, dir)
	register(t, p, "1001")
	want := p.Version()
	register(t, p, "1002")
	file := filepath.Join(dir, JournalFile)
	raw, _ := os.ReadFile(file)
	os.WriteFile(file, raw[:len(raw)-5], 0o640)
	p, _, aside := openPrimary(t, dir)
	if aside != nil || p.Version() != want {
		t.Errorf("version is %v (%v), want %v", p.Version(), aside, want)
	}
}

// A crash of the machine may leave zeros where the last batch was.
func TestJournalZeroFilledEndIsCutOff(t *testing.T) {
	dir := t.TempDir()
	p, _, _ := openPrimary(t, dir)
	register(t, p, "1001")
	file := filepath.Join(dir, JournalFile)
	whole, _ := os.ReadFile(file)
	register(t, p, "1002")
	raw, _ := os.ReadFile(file)
	for _, zeros := range []int{3, 20, len(raw) - len(whole)} {
		torn := append([]byte(nil), raw[:len(raw)-zeros]...)
		torn = append(torn, make([]byte, zeros-1)...)
		os.WriteFile(file, append(torn, '\n'), 0o640)
		p, _, aside := openPrimary(t, dir)
		if _, _, all := p.Snapshot(); aside != nil || len(all) != 1 {
			t.Errorf("%d zeros: %d bindings, %v; want 1001 alone", zeros, len(all), aside)
		}
	}
}

func TestJournalCorruptIsSetAside(t *testing.T) {
	dir := t.TempDir()
	p, _, _ := openPrimary(t, dir)
	register(t, p, "1001")
	register(t, p, "1002")
	old := p.Version()
	file := filepath.Join(dir, JournalFile)
	raw, _ := os.ReadFile(file)
	os.WriteFile(file, []byte(strings.Replace(string(raw), "+ 1001", "+ 1009", 1)), 0o640)
	p, _, aside := openPrimary(t, dir)
	if aside == nil || !strings.Contains(aside.Error(), "checksum") {
		t.Errorf("aside is %v, want a word about the checksum", aside)
	}
	if p.Version().Epoch == old.Epoch {
		t.Error("a zone without its data must begin a new epoch")
	}
	if m, _ := filepath.Glob(file + ".corrupt-*"); len(m) != 1 {
		t.Errorf("set aside are %v, want one file", m)
	}
}

// After a crash of the machine, the tail may be missing though peers have it.
func TestJournalAfterMachineCrash(t *testing.T) {
	dir := t.TempDir()
	p, _, _ := openPrimary(t, dir)
	register(t, p, "1001")
	old := p.Version()
	file := filepath.Join(dir, JournalFile)
	raw, _ := os.ReadFile(file)
	other := strings.Replace(string(raw), "boot="+bootID(), "boot=another", 1)
	os.WriteFile(file, []byte(other), 0o640)
	p, _, _ = openPrimary(t, dir)
	if v := p.Version(); v.Epoch == old.Epoch || !record.Newer(v.Serial, old.Serial) {
		t.Errorf("version is %v after %v: want a new epoch and a higher serial", v, old)
	}
	if _, _, all := p.Snapshot(); len(all) != 1 {
		t.Errorf("%d bindings, want 1", len(all))
	}
	v := p.Version()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	raw, _ = os.ReadFile(file)
	os.WriteFile(file, []byte(strings.Replace(string(raw), "boot="+bootID(), "boot=another", 1)), 0o640)
	p, _, _ = openPrimary(t, dir)
	if p.Version() != v {
		t.Errorf("version is %v after a clean stop, want %v", p.Version(), v)
	}
}

func TestDiskFailureKeepsServingAndHeals(t *testing.T) {
	dir := t.TempDir()
	p, j, _ := openPrimary(t, dir)
	register(t, p, "1001")
	j.file.Close() // as a disk that is gone
	os.Rename(dir, dir+".gone")
	if _, err := p.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: "1002", Kind: location.PJSIP, URI: "sip:1002"})
	}); err == nil || p.DiskErr() == nil {
		t.Error("a batch that was not kept must say so")
	}
	if _, _, all := p.Snapshot(); len(all) != 2 {
		t.Errorf("%d bindings served, want 2", len(all))
	}
	os.Rename(dir+".gone", dir)
	register(t, p, "1003")
	if p.DiskErr() != nil {
		t.Errorf("disk has not healed: %v", p.DiskErr())
	}
	want := p.Version()
	p, _, _ = openPrimary(t, dir)
	if _, _, all := p.Snapshot(); len(all) != 3 || p.Version() != want {
		t.Errorf("%d bindings at %v, want 3 at %v", len(all), p.Version(), want)
	}
}

// A disk that is full at the start keeps nobody from being served. What could
// not be kept meanwhile must not be continued under the same epoch, since the
// peers have seen it.
func TestFullDiskAtTheStart(t *testing.T) {
	dir := t.TempDir()
	full := func() {
		if err := os.Symlink("/dev/full", filepath.Join(dir, JournalFile+".tmp")); err != nil {
			t.Fatal(err)
		}
	}
	p, _, _ := openPrimary(t, dir)
	register(t, p, "1001")
	before := p.Version()

	// the machine has crashed: the journal must be written anew
	file := filepath.Join(dir, JournalFile)
	raw, _ := os.ReadFile(file)
	os.WriteFile(file, []byte(strings.Replace(string(raw), "boot="+bootID(), "boot=another", 1)), 0o640)
	full()
	p, _, aside := openPrimary(t, dir)
	first := p.Version()
	if aside != nil || p.DiskErr() == nil || first.Epoch == before.Epoch || p.store.Len() != 1 {
		t.Fatalf("set aside %v, disk error %v, version %v after %v, %d bindings", aside, p.DiskErr(), first, before, p.store.Len())
	}
	// killed before there was room again
	full()
	p, _, _ = openPrimary(t, dir)
	if v := p.Version(); v.Epoch == before.Epoch || v.Epoch == first.Epoch || p.store.Len() != 1 {
		t.Errorf("version is %v after %v and %v, %d bindings", v, before, first, p.store.Len())
	}
	register(t, p, "1002") // and now there is room
	healed := p.Version()
	if p.DiskErr() != nil {
		t.Errorf("not healed: %v", p.DiskErr())
	}
	p, _, _ = openPrimary(t, dir)
	if p.Version() != healed || p.store.Len() != 2 {
		t.Errorf("version is %v, want %v, %d bindings", p.Version(), healed, p.store.Len())
	}
}

// A batch that does not fit spoils the journal until it is written anew.
func TestFullDiskThenKill(t *testing.T) {
	dir := t.TempDir()
	p, j, _ := openPrimary(t, dir)
	register(t, p, "1001")
	before := p.Version()
	file := j.file
	null, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	j.file = null
	if _, err := p.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: "1002", Kind: location.PJSIP, URI: "sip:1002"})
	}); err == nil {
		t.Fatal("a full disk is no error")
	}
	null.Close()
	file.Close()
	p, _, _ = openPrimary(t, dir)
	if v := p.Version(); v.Epoch == before.Epoch || p.store.Len() != 1 {
		t.Errorf("version is %v after %v, %d bindings", v, before, p.store.Len())
	}
}

// A journal that cannot be written anew lacks what peers know: a later start
// begins a new epoch, although the last batch did fit.
func TestFailedRewriteThenKill(t *testing.T) {
	dir := t.TempDir()
	p, j, _ := openPrimary(t, dir)
	register(t, p, "1001")
	before := p.Version()
	tmp := filepath.Join(dir, JournalFile+".tmp")
	if err := os.Mkdir(tmp, 0o750); err != nil {
		t.Fatal(err)
	}
	j.lines = 1 << 20 // bloated
	for _, aor := range []location.AOR{"1002", "1003"} {
		if _, err := p.Update(func(s *location.Store) []location.Change {
			return s.Register(location.Contact{AOR: aor, Kind: location.PJSIP, URI: "sip:" + string(aor)})
		}); err == nil {
			t.Fatal("a journal that cannot be written anew is no error")
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(tmp); err != nil {
		t.Fatal(err)
	}
	p, _, _ = openPrimary(t, dir)
	if v := p.Version(); v.Epoch == before.Epoch {
		t.Errorf("version is %v after %v, with %d bindings", v, before, p.store.Len())
	}
}

// Nothing is written at a start from a whole journal but what says that it is
// in use: the history stays, and goes on.
func TestJournalIsGoneOnWith(t *testing.T) {
	dir := t.TempDir()
	p, _, _ := openPrimary(t, dir)
	file := filepath.Join(dir, JournalFile)
	oldest := p.Version()
	for _, aor := range []string{"1001", "1002", "1003"} {
		register(t, p, aor)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		raw, _ := os.ReadFile(file)
		os.WriteFile(file, []byte(strings.Replace(string(raw), "boot="+bootID(), "boot="+strings.Repeat("0", len(bootID())), 1)), 0o640)
		p, _, _ = openPrimary(t, dir)
		after, _ := os.ReadFile(file)
		if want := strings.TrimSuffix(string(raw), "! clean\n"); string(after) != want {
			t.Fatalf("the file became\n%s\nwant\n%s", after, want)
		}
	}
	v := p.Version()
	if _, deltas, ok := p.Since(oldest.Serial); !ok || len(deltas) != 3 || v.Epoch != oldest.Epoch || v.Serial != oldest.Serial+3 {
		t.Errorf("%d steps from %v to %v, %v", len(deltas), oldest, v, ok)
	}
	if _, _, all := p.Snapshot(); len(all) != 3 {
		t.Errorf("%d bindings, want 3", len(all))
	}
}

// A snapshot that is read in parts is the same as one read line by line.
func TestParseSnapshot(t *testing.T) {
	j := &Journal{header: "asterfed-journal 1 pbx-a fed.example."}
	lines := appendNode(nil, &record.Node{Name: "pbx-a", State: record.Up, Region: "eu"})
	for i := range 70_000 { // some megabytes
		b := binding(scaleUser(i), uint64(i+1), uint64(i))
		b.Kind = []location.Kind{location.PJSIP, location.SIP, location.IAX2}[i%3]
		lines = record.AppendLine(lines, '+', &b)
	}
	text := string(lines)
	all, node, ok := j.parseSnapshot(text)
	if !ok || len(all) != 70_000 || node == nil || node.Region != "eu" {
		t.Fatalf("%d bindings, node %v, %v", len(all), node, ok)
	}
	_, rest, _ := strings.Cut(text, "\n")
	for i, line := range strings.Split(strings.TrimSuffix(rest, "\n"), "\n") {
		if c, err := record.ParseChange(line); err != nil || c.New != all[i] {
			t.Fatalf("line %d %q is %v, want %v, %v", i, line, all[i], c.New, err)
		}
	}
	for _, odd := range []string{"- 1001 pjsip 00000000000000ff 0000000000000010\n", "+ 1001 trunk 00000000000000ff 0000000000000010\n",
		"+ 10&1 pjsip 00000000000000ff 0000000000000010\n", "+ 1001 pjsip 00000000000000ff 00000000000000x0\n", "+  pjsip 00000000000000ff 0000000000000010\n",
		"+ 1001 pjsip 00000000000000ff 0000000000000010 new=key\n", "\n", "+\n"} {
		if _, _, ok := j.parseSnapshot(text + odd); ok {
			t.Errorf("%q was read", odd)
		}
	}
}

// A batch takes no memory but that of a block, which is used again.
func TestJournalAllocates(t *testing.T) {
	d := record.Delta{Changes: make([]location.Change, 20_000)}
	for i := range d.Changes {
		d.Changes[i].New = binding(scaleUser(i), uint64(i+1), uint64(i))
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	j := &Journal{file: null}
	if n := testing.AllocsPerRun(5, func() { err = j.Append(d) }); n > 2 || err != nil {
		t.Errorf("%v allocations for a batch, want 2 at most: %v", n, err)
	}
}
