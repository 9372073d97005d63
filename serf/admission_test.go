package serf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func inZone(zone string) func(*Config) {
	return func(c *Config) { c.Tags = map[string]string{"zone": zone} }
}

// names returns the members that n knows, whatever their status.
func (n *node) names() map[string]bool {
	out := make(map[string]bool)
	for _, m := range n.Members() {
		out[m.Name] = true
	}
	return out
}

// knows waits until n has exactly these members.
func (n *node) knows(t *testing.T, names ...string) {
	t.Helper()
	until(t, strings.Join(names, ", ")+" known", func() bool {
		have := n.names()
		for _, name := range names {
			if !have[name] {
				return false
			}
		}
		return len(have) == len(names)
	})
}

func (n *node) stays(t *testing.T, who string) {
	t.Helper()
	select {
	case <-n.Left():
		t.Errorf("%s ended: %v", who, n.Err())
	default:
	}
}

// Two federations with one gossip key: a join from one into the other fails
// with an error that names both, and neither remembers anybody of the other,
// although both have a member "a".
func TestOtherFederation(t *testing.T) {
	t.Parallel()
	fed, other := inZone("fed.example."), inZone("other.example.")
	fa := startNode(t, "a", fed)
	fb := startNode(t, "b", fed, joining(fa), withDir(t.TempDir()))
	fc := startNode(t, "c", fed, joining(fa))
	oa := startNode(t, "a", other)
	dir := t.TempDir()
	oz := startNode(t, "z", other, joining(oa), withRPC, withDir(dir))
	all := []*node{fa, fb, fc, oa, oz}
	for name := range strings.FieldsSeq("w x y") {
		all = append(all, startNode(t, name, other, joining(oa)))
	}
	for _, n := range []*node{fa, fb, fc} {
		n.knows(t, "a", "b", "c")
	}
	for _, n := range []*node{oa, oz} {
		n.knows(t, "a", "w", "x", "y", "z")
	}

	n, err := oz.dial(t).Join([]string{fb.Addr().String()})
	if err == nil || n != 0 {
		t.Fatalf("joined %d nodes of another federation", n)
	}
	for _, want := range []string{"fed.example.", "other.example."} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
	// A single node of the other federation that is not yet part of it.
	lone := startNode(t, "l", other, joining(fb))
	if err := lone.join(fb.Addr().String()); err == nil {
		t.Error("a newcomer of another federation joined")
	}
	if err := fa.join(lone.Addr().String()); err == nil {
		t.Error("a node joined a newcomer of another federation")
	}
	lone.knows(t, "l")
	for i, n := range all {
		n.stays(t, []string{"fed a", "fed b", "fed c", "other a", "other z", "other w", "other x", "other y"}[i])
	}
	for _, n := range []*node{fa, fb, fc} {
		n.knows(t, "a", "b", "c")
	}
	oz.knows(t, "a", "w", "x", "y", "z")
	oz.Shutdown()
	for _, file := range []string{"serf.peers.json", "serf.snapshot"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if port := fb.Addr().String(); strings.Contains(string(text), port) {
			t.Errorf("%s remembers %s:\n%s", file, port, text)
		}
	}
}

// What a node remembers from before it refused members of other federations is
// forgotten at the first refusal.
func TestForgetStrangers(t *testing.T) {
	t.Parallel()
	stranger := startNode(t, "x", inZone("other.example."))
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "serf.peers.json"), []byte(`[{"name":"x","addr":"`+stranger.Addr().String()+`"}]`))
	startNode(t, "a", inZone("fed.example."), withDir(dir))
	until(t, "the stranger is forgotten", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "serf.peers.json"))
		return err == nil && !strings.Contains(string(text), "x")
	})
}

// A copy of a node ends with the address of the incumbent in its error; the
// incumbent, and what the others know about it, stay as they are.
func TestNameTaken(t *testing.T) {
	t.Parallel()
	a := startNode(t, "a")
	b := startNode(t, "b", joining(a))
	c := startNode(t, "c", joining(a))
	for _, n := range []*node{a, b, c} {
		n.knows(t, "a", "b", "c")
	}
	a.await(t, EventJoin, "b")
	for range 3 { // a service manager starts it again
		copied := startNode(t, "b", joining(a), withDir(t.TempDir()), func(c *Config) {
			c.Tags = map[string]string{"copy": "yes"}
		})
		<-copied.Left()
		err := copied.Err()
		if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), b.Addr().String()) {
			t.Fatalf("the copy ended with %v, want the address %s", err, b.Addr())
		}
		if n := len(copied.Members()); n != 1 {
			t.Errorf("the copy knew %d members", n)
		}
	}
	b.stays(t, "the incumbent")
	for _, n := range []*node{a, c} {
		for _, m := range n.Members() {
			if m.Name == "b" && (m.Addr != b.Addr() || m.Status != StatusAlive || m.Tags["copy"] != "") {
				t.Errorf("b is %+v", m)
			}
		}
	}
	for { // nothing was said about b meanwhile
		select {
		case e := <-a.events:
			if e.Member.Name == "b" {
				t.Errorf("%s about the incumbent", e.Kind)
			}
			continue
		default:
		}
		break
	}
}

// A copied disk brings the list of peers along, so that its node needs no seed to
// meet the incumbent's federation.
func TestNameTakenByCopiedDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startNode(t, "a")
	b := startNode(t, "b", joining(a), withDir(dir))
	a.await(t, EventJoin, "b")
	b.await(t, EventJoin, "a")
	until(t, "the peers are on disk", func() bool {
		list, _ := os.ReadFile(filepath.Join(dir, "serf.peers.json"))
		return strings.Contains(string(list), `"a"`)
	})
	for _, without := range []string{"", "serf.snapshot"} {
		clone := t.TempDir()
		if err := os.CopyFS(clone, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if without != "" {
			if err := os.Remove(filepath.Join(clone, without)); err != nil {
				t.Fatal(err)
			}
		}
		copied := startNode(t, "b", withDir(clone))
		<-copied.Left()
		if err := copied.Err(); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), b.Addr().String()) {
			t.Errorf("without %q the copy ended with %v", without, err)
		}
	}
	b.stays(t, "the incumbent")
	if a.status("b") != StatusAlive {
		t.Error("the incumbent is lost")
	}
}

// Of two nodes with one name and no third, the one that was there stays.
func TestNameTakenByOnlyNode(t *testing.T) {
	t.Parallel()
	log, out := withLog()
	a := startNode(t, "a", log)
	copied := startNode(t, "a", joining(a))
	<-copied.Left()
	if err := copied.Err(); !errors.Is(err, ErrConflict) {
		t.Errorf("the copy ended with %v", err)
	}
	a.stays(t, "the incumbent")
	// It answers a member list before it looks at the other one.
	until(t, "the incumbent's log names the copy", func() bool {
		s := out.String()
		return strings.Contains(s, "uses the name of this node") && strings.Contains(s, copied.Addr().String())
	})
}

// The same where each lists the other as a seed, as in a Corefile that was copied:
// the one that was there first meets the copy by its own attempts too.
func TestNameTakenBySeed(t *testing.T) {
	t.Parallel()
	was := startNode(t, "was")
	addr := was.Addr().String()
	was.Shutdown()
	a := startNode(t, "a", func(c *Config) { c.Join, c.retry.newcomer, c.retry.alone = []string{addr}, 1, 20*time.Millisecond })
	until(t, "a has begun to try", func() bool { return len(a.JoinErrors()) == 1 })
	for range 3 {
		copied := startNode(t, "a", withBind(addr), joining(a))
		<-copied.Left()
		if err := copied.Err(); !errors.Is(err, ErrConflict) {
			t.Errorf("the copy ended with %v", err)
		}
	}
	a.stays(t, "the incumbent")
}

// A node that has long been there alone, and then meets a federation that knows
// its name elsewhere, is refused and stays: it may be the incumbent, and the
// federation the copy's.
func TestNameTakenLongAlone(t *testing.T) {
	t.Parallel()
	a := startNode(t, "a")
	b := startNode(t, "b", joining(a))
	a.await(t, EventJoin, "b")
	old := startNode(t, "b", withRPC, func(c *Config) { c.retry.newcomer = 1 })
	_, err := old.dial(t).Join([]string{a.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), b.Addr().String()) {
		t.Errorf("join with a name that is taken: %v", err)
	}
	old.stays(t, "the older one")
	b.stays(t, "the other")
	a.knows(t, "a", "b")
}

// Names, zones and seeds over IPv6.
func TestAdmissionIPv6(t *testing.T) {
	t.Parallel()
	fed, six := inZone("fed.example."), withBind("[::1]:0")
	a := startNode(t, "a", fed, six)
	b := startNode(t, "b", fed, six, joining(a))
	a.await(t, EventJoin, "b")
	copied := startNode(t, "b", fed, six, joining(a))
	<-copied.Left()
	if err := copied.Err(); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), b.Addr().String()) {
		t.Errorf("the copy ended with %v", err)
	}
	other := startNode(t, "z", inZone("other.example."), six, joining(a))
	until(t, "the seed is refused", func() bool { return len(other.JoinErrors()) == 1 })
	a.knows(t, "a", "b")
	b.stays(t, "the incumbent")
}

// A node that moves comes back at once, while the others still take its former
// self for alive.
func TestMoveAtOnce(t *testing.T) {
	t.Parallel()
	a := startNode(t, "a")
	b := startNode(t, "b", joining(a))
	a.await(t, EventJoin, "b")
	b.Shutdown()
	moved := startNode(t, "b", joining(a), withBind("127.0.0.4:0"))
	until(t, "b has moved", func() bool {
		for _, m := range a.Members() {
			if m.Name == "b" && m.Addr == moved.Addr() && m.Status == StatusAlive {
				return true
			}
		}
		return false
	})
	moved.stays(t, "the node that moved")
}
