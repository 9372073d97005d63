package serf

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/serf/gate"
)

func TestTargets(t *testing.T) {
	at := netip.MustParseAddrPort
	var seeds []target
	for s := range strings.FieldsSeq("10.0.0.1:7946 10.0.0.2:7946 10.0.0.3:7946 10.0.0.4:7946 10.0.0.4:7946") {
		seeds = append(seeds, target{seed: s, addr: at(s)})
	}
	members := []Member{
		{Name: "self", Addr: at("10.0.0.1:7946"), Status: StatusAlive},
		{Name: "b", Addr: at("10.0.0.2:7946"), Status: StatusAlive},
		{Name: "c", Addr: at("10.0.0.3:7946"), Status: StatusFailed},
	}
	missing := []peer{{"c", at("10.0.0.3:7946")}, {"d", at("[2001:db8::1]:1")}}
	j := &joiner{self: func() Member { return members[0] }, members: func() []Member { return members }}
	got := j.targets(seeds, members, missing)
	want := []target{{peer: "c", addr: at("10.0.0.3:7946")}, {peer: "d", addr: at("[2001:db8::1]:1")},
		{seed: "10.0.0.4:7946", addr: at("10.0.0.4:7946")}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("targets %q, want %q", got, want)
	}
}

func TestDue(t *testing.T) {
	j := &joiner{retry: defaultRetry}
	for _, tc := range []struct {
		alone bool
		since time.Duration
		want  bool
	}{
		{true, 0, true},
		{true, 199 * time.Millisecond, false},
		{true, 200 * time.Millisecond, true},
		{true, 399 * time.Millisecond, false},
		{true, 400 * time.Millisecond, true},
		{true, 800 * time.Millisecond, true},
		{true, 1600 * time.Millisecond, true},
		{true, 3200 * time.Millisecond, true},
		{true, 4 * time.Second, false},
		{true, 5 * time.Second, true},
		{true, 4 * time.Second, false},
		{false, 2 * time.Second, false},
		{false, 3 * time.Second, true},
	} {
		if got := j.due(tc.alone, tc.since); got != tc.want {
			t.Errorf("alone %v after %v: %v", tc.alone, tc.since, got)
		}
	}
}

// Being alone, joining and being alone again is said once each.
func TestAloneLog(t *testing.T) {
	l, out := textLog(0)
	self := Member{Name: "self", Status: StatusAlive}
	j := &joiner{seeds: seeds{list: []string{"10.0.0.2"}}, retry: defaultRetry, log: l, admit: &gate.Admission{}, known: func([]netip.Addr) {}, self: func() Member { return self }}
	for _, st := range []Status{StatusFailed, StatusFailed, StatusAlive, StatusLeaving, StatusFailed, StatusFailed, StatusAlive} {
		if got := j.alone([]Member{self, {Name: "b", Status: st}}); got == st.up() {
			t.Errorf("alone is %v while b is %s", got, st)
		}
	}
	want := []string{"joining in the background", "joined the federation", "no other member answers", "joined the federation"}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("log:\n%s", out)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("line %d is %s, want %q", i, lines[i], w)
		}
	}
}

// A newcomer whose name is taken gives way although another seed of its swallows
// packets for longer than it counts as a newcomer. It asks the incumbent first; one
// that does not answer has time to be seen dead.
func TestYieldBesideSilentSeed(t *testing.T) {
	for _, tc := range []struct {
		name     string
		answers  bool
		min, max time.Duration
	}{
		{"the incumbent answers", true, 0, 16 * time.Second},
		{"it does not", false, defaultRetry.taken, defaultRetry.taken + time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				self := Member{Name: "b", Addr: netip.MustParseAddrPort("10.0.0.9:7946"), Status: StatusAlive}
				known, err := openPeers("b", "")
				if err != nil {
					t.Fatal(err)
				}
				l, _ := textLog(0)
				admit := &gate.Admission{Self: "b", Log: l}
				incumbent := netip.MustParseAddrPort("10.0.0.3:7946")
				ended := make(chan error, 1)
				j := &joiner{seeds: seeds{list: []string{"10.0.0.1:7946", "10.0.0.2:7946"}}, peers: known, retry: defaultRetry, log: l, admit: admit, known: func([]netip.Addr) {},
					members: func() []Member { return []Member{self} }, self: func() Member { return self },
					conflict: func(err error) {
						select {
						case ended <- err:
						default:
						}
					},
					join: func(addr string) error {
						switch {
						case addr == "10.0.0.1:7946":
							<-time.After(15 * time.Second) // virtual
							return errors.New("i/o timeout")
						case addr == incumbent.String() && !tc.answers:
							return errors.New("connection refused")
						}
						return admit.Taken(incumbent)
					}}
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				done := make(chan struct{})
				go func() { j.run(ctx); close(done) }()
				select {
				case err = <-ended:
				case <-time.After(2 * time.Minute): // virtual
				}
				if after := time.Since(began); after < tc.min || after > tc.max {
					t.Errorf("gave way after %v, want %v to %v", after, tc.min, tc.max)
				}
				if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), incumbent.String()) {
					t.Errorf("gave way with %v", err)
				}
				cancel()
				<-done
				synctest.Wait()
			})
		})
	}
}

// A second after a node has joined it compares member lists with two members
// that are up, once: servers that start together know each other within seconds
// though each has joined through another one.
func TestExchangeAfterJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := netip.MustParseAddrPort
		self := Member{Name: "self", Addr: at("10.0.0.1:7946"), Status: StatusAlive}
		list := &memberList{}
		list.set(self)
		began := time.Now()
		type call struct {
			addr string
			at   time.Duration
		}
		var mu sync.Mutex
		var calls []call
		known, err := openPeers("self", "")
		if err != nil {
			t.Fatal(err)
		}
		l, _ := textLog(0)
		j := &joiner{seeds: seeds{list: []string{"10.0.0.2:7946"}}, peers: known, retry: defaultRetry, log: l, admit: &gate.Admission{}, known: func([]netip.Addr) {},
			members: list.get, self: func() Member { return self },
			join: func(addr string) error {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, call{addr, time.Since(began)})
				list.set(self, Member{Name: "b", Addr: at("10.0.0.2:7946"), Status: StatusAlive},
					Member{Name: "c", Addr: at("10.0.0.3:7946"), Status: StatusAlive},
					Member{Name: "d", Addr: at("10.0.0.4:7946"), Status: StatusLeft})
				return nil
			}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { j.run(ctx); close(done) }()
		<-time.After(20 * time.Second)
		cancel()
		<-done
		if len(calls) != 3 || calls[0].addr != "10.0.0.2:7946" || calls[0].at != 0 {
			t.Fatalf("calls %v: want the seed at once and two exchanges", calls)
		}
		with := []string{calls[1].addr, calls[2].addr}
		slices.Sort(with)
		if !slices.Equal(with, []string{"b/10.0.0.2:7946", "c/10.0.0.3:7946"}) {
			t.Errorf("member lists compared with %v, want b and c", with)
		}
		for _, c := range calls[1:] {
			if c.at < defaultRetry.tick || c.at > 2*defaultRetry.tick {
				t.Errorf("compared with %s after %v, want one to two seconds", c.addr, c.at)
			}
		}
	})
}

// textLog returns a logger whose lines carry no time, and where they go.
func textLog(level slog.Level) (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), &out
}
