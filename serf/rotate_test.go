package serf

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Rotate waits for a member that is absent, says for whom, and in the end all
// members have the new key alone. Nothing that it says shows a key.
func TestRotate(t *testing.T) {
	t.Parallel()
	old := newKey()
	key := keyFile(t, old)
	dir := t.TempDir()
	a := startNode(t, "a", withKey(key), withRPC, withDir(t.TempDir()))
	b := startNode(t, "b", withKey(key), joining(a), withDir(t.TempDir()))
	c := startNode(t, "c", withKey(key), joining(a), withDir(dir))
	for _, n := range []*node{a, b, c} {
		n.knows(t, "a", "b", "c")
	}
	cl := keyView{a.dial(t)}
	cl.shows(t, "one key on three", func(k Keys) bool {
		return k.All() == 3 && reflect.DeepEqual(k.Primary, map[string]int{old: 3}) && k.Everywhere(old)
	})
	addr := c.Addr().String()
	c.Shutdown()
	a.await(t, EventFailed, "c")
	b.await(t, EventFailed, "c")
	cl.shows(t, "one key on two of three", func(k Keys) bool {
		return k.All() == 3 && k.On[old] == 2 && !k.Everywhere(old) && reflect.DeepEqual(k.Absent, []string{"c"})
	})
	for what, step := range map[string]func(string) (Keys, error){"use": cl.UseKey, "remove": cl.RemoveKey} {
		until(t, what+" refused because of c", func() bool {
			_, err := step(old)
			if err == nil {
				t.Fatalf("%s with c absent", what)
			}
			return strings.Contains(err.Error(), "absent: c") // an answer may be late on a busy machine
		})
	}

	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	var said []string
	var back *node
	next, err := cl.Rotate(ctx, func(line string) {
		said = append(said, line)
		if strings.Contains(line, "waiting for c") && back == nil {
			back = startNode(t, "c", withKey(key), withDir(dir), withBind(addr))
		}
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(said, "\n"))
	}
	if back == nil {
		t.Errorf("did not wait for c:\n%s", strings.Join(said, "\n"))
	}
	for _, line := range said {
		if strings.Contains(line, next) || strings.Contains(line, old) {
			t.Errorf("a key is shown: %s", line)
		}
	}
	want := map[string]int{next: 3}
	cl.shows(t, "the new key alone", func(k Keys) bool {
		return reflect.DeepEqual(k.On, want) && reflect.DeepEqual(k.Primary, want) && len(k.Absent) == 0
	})

	// A node that restarts with its old key file brings the old key not back.
	back.Shutdown()
	a.await(t, EventFailed, "c")
	startNode(t, "c", withKey(key), withDir(dir), withBind(addr))
	until(t, "c is back", func() bool { return a.status("c") == StatusAlive })
	cl.shows(t, "the new key alone after a restart", func(k Keys) bool { return reflect.DeepEqual(k.On, want) })
}

// keyView is a client whose lists of keys are awaited.
type keyView struct{ *Client }

// shows waits until the keys are as wanted: an answer may be late on a busy machine.
func (c keyView) shows(t *testing.T, what string, ok func(Keys) bool) {
	t.Helper()
	until(t, what, func() bool {
		k, err := c.Keys()
		return err == nil && ok(k)
	})
}

// Rotate gives up when it is told to, before anything has changed, and without
// encryption at once.
func TestRotateGivesUp(t *testing.T) {
	t.Parallel()
	old := newKey()
	key := keyFile(t, old)
	a := startNode(t, "a", withKey(key), withRPC)
	b := startNode(t, "b", withKey(key), joining(a))
	a.await(t, EventJoin, "b")
	b.Shutdown()
	a.await(t, EventFailed, "b")
	ctx, cancel := context.WithCancel(t.Context())
	cl := a.dial(t)
	if _, err := cl.Rotate(ctx, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if k, err := cl.Keys(); err != nil || len(k.On) != 1 {
		t.Errorf("keys %+v, %v", k, err)
	}

	plain := startNode(t, "plain", withRPC)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := plain.dial(t).Rotate(short, func(string) {}); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without encryption: %v", err)
	}
}
