package liveness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/record"
)

var (
	v4 = netip.MustParseAddr("192.0.2.1")
	v6 = netip.MustParseAddr("2001:db8::1")
)

// apex is a node's apex record in memory.
type apex struct {
	mu   sync.Mutex
	node record.Node
}

func (a *apex) Node() record.Node {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.node
}

func (a *apex) SetNode(f func(*record.Node)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.node)
	return nil
}

// watched is a monitor whose SIP server the test plays.
type watched struct {
	*Monitor
	*apex
	mu   sync.Mutex
	errs map[netip.Addr]error
	log  strings.Builder
}

// watch runs a monitor until the test ends. Its transport is TCP, whose port is
// not watched.
func watch(t *testing.T, withAMI bool, state record.NodeState, addrs ...netip.Addr) *watched {
	w := &watched{apex: &apex{node: record.Node{State: state}}, errs: map[netip.Addr]error{}}
	w.Monitor = NewMonitor(MonitorConfig{Addrs: addrs, SIP: []record.Transport{{Proto: "tcp", Port: 5060}}, AMI: withAMI, Apex: w.apex,
		Logger: slog.New(slog.NewTextHandler(&w.log, nil))})
	w.askAt = func(_ context.Context, a netip.Addr) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.errs[a]
	}
	return w
}

func (w *watched) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func (w *watched) answer(a netip.Addr, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs[a] = err
}

func (w *watched) want(t *testing.T, s record.NodeState) {
	t.Helper()
	synctest.Wait()
	if got := w.Node().State; got != s {
		t.Errorf("state is %s, want %s\n%s", got, s, w.log.String())
	}
}

var (
	errSilent  = errors.New("no answer to OPTIONS")
	errRefused = fmt.Errorf("send OPTIONS: %w", syscall.ECONNREFUSED)
)

// A SIP server without AMI, such as Kamailio, takes its node down when it dies and
// up when it is back. One lost question proves nothing, a closed port does.
func TestServerWithoutAMI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, false, record.Up, v4)
		w.start(t)
		w.want(t, record.Up)
		w.answer(v4, errSilent)
		time.Sleep(sipPeriod)
		w.want(t, record.Up)
		time.Sleep(Patience)
		w.want(t, record.Down)
		if n := strings.Count(w.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings, want 1:\n%s", n, w.log.String())
		}
		w.answer(v4, nil)
		time.Sleep(Patience)
		w.want(t, record.Up)
		w.answer(v4, errRefused)
		time.Sleep(sipPeriod)
		w.want(t, record.Down)
		w.Drain(true)
		w.want(t, record.Down)
		w.answer(v4, nil)
		time.Sleep(Patience)
		w.want(t, record.Draining)
	})
}

// A server that has never answered may not take OPTIONS: it is warned of, once.
// One that an earlier process has found dead stays so until it answers.
func TestServerThatNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, false, record.Up, v4)
		w.answer(v4, errRefused)
		w.start(t)
		time.Sleep(time.Minute)
		w.want(t, record.Up)
		if n := strings.Count(w.log.String(), "has never answered OPTIONS"); n != 1 {
			t.Errorf("warned %d times, want once:\n%s", n, w.log.String())
		}
		w.answer(v4, nil)
		time.Sleep(sipPeriod)
		w.want(t, record.Up)
		w.answer(v4, errRefused)
		time.Sleep(sipPeriod)
		w.want(t, record.Down)
	})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, false, record.Down, v4)
		w.answer(v4, errSilent)
		w.start(t)
		time.Sleep(time.Minute)
		w.want(t, record.Down)
		w.answer(v4, nil)
		time.Sleep(sipPeriod)
		w.want(t, record.Up)
	})
}

// While AMI is silent, one address that answers keeps the node up, whichever it
// is; the one that does not is warned of once.
func TestOneAddressAnswers(t *testing.T) {
	for _, silent := range []netip.Addr{v4, v6} {
		synctest.Test(t, func(t *testing.T) {
			w := watch(t, true, record.Up, v4, v6)
			w.answer(silent, errSilent)
			w.start(t)
			w.Status(t.Context(), ami.Status{State: ami.Ready})
			w.Status(t.Context(), ami.Status{State: ami.Down})
			time.Sleep(time.Minute)
			w.want(t, record.Up)
			if n := strings.Count(w.log.String(), "does not answer at this address, which is published\" address="+silent.String()); n != 1 {
				t.Errorf("warned of %v %d times, want once:\n%s", silent, n, w.log.String())
			}
			w.answer(silent, nil)
			time.Sleep(addrsPeriod)
			synctest.Wait()
			if !strings.Contains(w.log.String(), "answers at this address again") {
				t.Errorf("not told that %v answers again:\n%s", silent, w.log.String())
			}
			w.answer(v4, errSilent)
			w.answer(v6, errSilent)
			time.Sleep(2 * Patience)
			w.want(t, record.Down)
		})
	}
}

// strict is a SIP server that, like Asterisk, does not answer a request whose From
// is no URI.
func strict(t *testing.T, ip string) netip.AddrPort {
	pc, err := net.ListenPacket("udp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, rest, _ := strings.Cut(string(buf[:n]), "\r\nFrom: <sip:fed@")
			host, _, _ := strings.Cut(rest, ">")
			if _, err := netip.ParseAddrPort(host + ":5060"); err == nil {
				pc.WriteTo([]byte("SIP/2.0 401 Unauthorized\r\n\r\n"), from)
			}
		}
	}()
	return netip.MustParseAddrPort(pc.LocalAddr().String())
}

// A node whose Asterisk answers at an IPv6 address, or at one that is not the
// first, is found alive.
func TestAskEveryFamilyAndAddress(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		at := strict(t, ip)
		sip := []record.Transport{{Proto: "udp", Port: at.Port()}}
		other := netip.MustParseAddr("127.0.0.2")
		for _, addrs := range [][]netip.Addr{{at.Addr()}, {other, at.Addr()}, {at.Addr(), other}} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if err := Ask(ctx, addrs, sip); err != nil {
				t.Errorf("%v: %v", addrs, err)
			}
			cancel()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := Ask(ctx, []netip.Addr{other}, sip); err == nil || ctx.Err() != nil {
			t.Errorf("closed port: %v", err)
		}
		cancel()
	}
	if err := Ask(t.Context(), nil, nil); err == nil {
		t.Error("a node without addresses is said to be alive")
	}
}
