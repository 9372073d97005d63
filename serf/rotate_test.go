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
	cl := a.dial(t)
	k, err := cl.Keys()
	if err != nil || k.All() != 3 || !reflect.DeepEqual(k.Primary, map[string]int{old: 3}) || !k.Everywhere(old) {
		t.Fatalf("keys %+v, %v", k, err)
	}
	addr := c.Addr().String()
	c.Shutdown()
	a.await(t, EventFailed, "c")
	b.await(t, EventFailed, "c")
	k, err = cl.Keys()
	if err != nil || k.All() != 3 || k.On[old] != 2 || k.Everywhere(old) || !reflect.DeepEqual(k.Absent, []string{"c"}) {
		t.Errorf("keys with c absent: %+v, %v", k, err)
	}
	if _, err := cl.UseKey(old); err == nil || !strings.Contains(err.Error(), "2 of 3 members") || !strings.Contains(err.Error(), "absent: c") {
		t.Errorf("use with c absent: %v", err)
	}
	if _, err := cl.RemoveKey(old); err == nil || !strings.Contains(err.Error(), "absent: c") {
		t.Errorf("remove with c absent: %v", err)
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
	k, err = cl.Keys()
	want := map[string]int{next: 3}
	if err != nil || !reflect.DeepEqual(k.On, want) || !reflect.DeepEqual(k.Primary, want) || len(k.Absent) > 0 {
		t.Errorf("keys in the end: %+v, %v", k, err)
	}

	// A node that restarts with its old key file brings the old key not back.
	back.Shutdown()
	a.await(t, EventFailed, "c")
	startNode(t, "c", withKey(key), withDir(dir), withBind(addr))
	until(t, "c is back", func() bool { return a.status("c") == StatusAlive })
	if k, err = cl.Keys(); err != nil || !reflect.DeepEqual(k.On, want) {
		t.Errorf("keys after a restart: %+v, %v", k, err)
	}
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
