package serf

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// safeBuffer is a log that may be read while agents write to it.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *safeBuffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Len()
}

func withLog() (func(*Config), *safeBuffer) {
	out := new(safeBuffer)
	l := slog.New(slog.NewTextHandler(out, nil))
	return func(c *Config) { c.Logger = l }, out
}

// A node that reaches none of its seeds says for each one why, and what to do.
func TestJoinErrors(t *testing.T) {
	t.Parallel()
	key := withKey(keyFile(t, newKey()))
	fed := inZone("fed.example.")
	otherKey := startNode(t, "otherkey", fed, withKey(keyFile(t, newKey())))
	noKey := startNode(t, "nokey", fed)
	otherZone := startNode(t, "otherzone", inZone("other.example."), key)
	gone := startNode(t, "gone", fed, key)
	addr := gone.Addr().String()
	gone.Shutdown()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()

	want := []struct{ seed, why string }{
		{otherKey.Addr().String(), "gossip key differs"},
		{noKey.Addr().String(), "gossip key differs: one side has none"},
		{otherZone.Addr().String(), "it is part of another federation"},
		{addr, "connection refused"},
		{ln.Addr().String(), "no answer"},
		{"pbx.invalid", "name "}, // unknown, or not looked up without a resolver
	}
	log, out := withLog()
	n := startNode(t, "n", fed, key, log, func(c *Config) {
		for _, w := range want {
			c.Join = append(c.Join, w.seed)
		}
	})
	until(t, "all seeds tried", func() bool { return len(n.JoinErrors()) == len(want) })
	for i, e := range n.JoinErrors() {
		if e.Seed != want[i].seed || !strings.HasPrefix(e.Why, want[i].why) || e.Remedy == "" || e.Err == nil {
			t.Errorf("seed %d: %v, want %q", i, e, want[i].why)
		}
	}
	if n.Joined() {
		t.Error("joined nobody, and says so")
	}
	until(t, "the log names all seeds", func() bool { return strings.Count(out.String(), "seed not reached") >= len(want) })

	// One that is reached is enough, and the log does not say it again.
	friend := startNode(t, "friend", fed, key, joining(n))
	n.await(t, EventJoin, "friend")
	friend.await(t, EventJoin, "n")
	until(t, "joined", n.Joined)
	if c := strings.Count(out.String(), "seed not reached"); c != len(want) {
		t.Errorf("the log says %d times that a seed was not reached, want %d", c, len(want))
	}
}

// A seed counts as reached through any of its addresses, and what is known about
// an address goes with it.
func TestSeedOfSeveralAddresses(t *testing.T) {
	a, b := netip.MustParseAddrPort("192.0.2.1:7946"), netip.MustParseAddrPort("[2001:db8::1]:7946")
	self := Member{Name: "self", Status: StatusAlive}
	j := &joiner{seeds: seeds{list: []string{"pbx.example"}}, self: func() Member { return self }, members: func() []Member { return nil }}
	check := func(step string, want string) {
		t.Helper()
		got := ""
		for _, e := range j.seeds.errors() {
			got += e.Why
		}
		if got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	check("not tried", "")
	j.note("pbx.example", netip.AddrPort{}, &net.DNSError{IsNotFound: true})
	check("unknown", "name unknown")
	j.seeds.resolved("pbx.example", []netip.Addr{a.Addr(), b.Addr()}, 7946)
	check("found", "")
	j.note("pbx.example", a, syscall.ECONNREFUSED)
	j.note("pbx.example", b, syscall.EHOSTUNREACH)
	check("both fail", "connection refused")
	j.note("pbx.example", b, nil)
	check("one is reached", "")
	j.note("pbx.example", b, syscall.EHOSTUNREACH)
	check("no longer", "connection refused")
	j.seeds.resolved("pbx.example", []netip.Addr{b.Addr()}, 7946)
	check("the other address is gone", "no route")
}

// What is known about a seed stays known while it is tried again.
func TestSeedIsResolvedAgain(t *testing.T) {
	for _, seed := range []string{"127.0.0.1:7946", "[::1]:7946"} {
		self := Member{Name: "self", Status: StatusAlive}
		j := &joiner{seeds: seeds{list: []string{seed}}, self: func() Member { return self }, members: func() []Member { return nil },
			log: slog.New(slog.DiscardHandler)}
		for _, target := range j.resolve(t.Context()) {
			j.note(target.seed, target.addr, syscall.ECONNREFUSED)
		}
		j.resolve(t.Context())
		if errs := j.seeds.errors(); len(errs) != 1 {
			t.Errorf("%s: %v, want one error", seed, errs)
		}
	}
}

// A seed that is the node itself, as in a list that all nodes share, is no
// trouble.
func TestJoinSelf(t *testing.T) {
	t.Parallel()
	a := startNode(t, "a")
	addr := a.Addr().String()
	a.Shutdown()
	n := startNode(t, "n", withBind(addr), func(c *Config) { c.Join = []string{addr} })
	until(t, "joined itself", n.Joined)
	if e := n.JoinErrors(); len(e) != 0 {
		t.Errorf("trouble %v", e)
	}
}

// A node that lists itself beside others has joined nobody while only it answers.
func TestJoinSelfAndNobody(t *testing.T) {
	t.Parallel()
	a, b := startNode(t, "a"), startNode(t, "b")
	addr, dead := a.Addr().String(), b.Addr().String()
	a.Shutdown()
	b.Shutdown()
	n := startNode(t, "n", withBind(addr), func(c *Config) { c.Join = []string{addr, dead} })
	until(t, "tried the other", func() bool { return len(n.JoinErrors()) == 1 })
	if n.Joined() {
		t.Error("joined, though nobody else answers")
	}
	startNode(t, "b", withBind(dead))
	until(t, "joined the other", n.Joined)
}
