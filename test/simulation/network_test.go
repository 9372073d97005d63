package simulation

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns a network of two hosts and both ends of a stream between them.
func pair(t *testing.T) (a, b *host, near, far net.Conn) {
	t.Helper()
	_, hosts := newNetwork(2, 0, 1)
	l, err := hosts[1].Listen(dnsPort)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = hosts[0].dial(t.Context(), "tcp", hosts[1].addr(dnsPort)); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return hosts[0], hosts[1], near, far
}

// A stream delivers in order, after the latency, and ends with its writer.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, near, far := pair(t)
		began := time.Now()
		near.Write([]byte("one "))
		near.Write([]byte("two"))
		buf := make([]byte, 7)
		if _, err := io.ReadFull(far, buf); err != nil || string(buf) != "one two" {
			t.Errorf("read %q, %v", buf, err)
		}
		if d := time.Since(began); d != a.latency(b) {
			t.Errorf("arrived after %v, want %v", d, a.latency(b))
		}
		if got := a.Transfer.Octets.Load(); got != 7+2*tcpHeader {
			t.Errorf("%d octets counted", got)
		}
		near.Close()
		if _, err := far.Read(buf); err != io.EOF {
			t.Errorf("read after the end: %v", err)
		}
		far.Close()
		if n := a.Transfer.Conns.Load() + b.Transfer.Conns.Load(); n != 0 {
			t.Errorf("%d connections left open", n)
		}
	})
}

// What is written during a cut never arrives, nor what follows it.
func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, near, far := pair(t)
		b.side.Store(1)
		near.Write([]byte("lost"))
		b.side.Store(0)
		near.Write([]byte("behind"))
		far.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := far.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d octets, %v", n, err)
		}
		near.Close()
		far.Close()

		a.off.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.dial(ctx, "tcp", b.addr(dnsPort)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("dial without power: %v", err)
		}
		a.off.Store(false)
		if _, err := a.dial(t.Context(), "tcp", b.addr(dnsPort)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial where nothing listens: %v", err)
		}
	})
}

func TestFit(t *testing.T) {
	xs := []float64{10, 25, 50}
	line, square := make([]float64, 3), make([]float64, 3)
	for i, x := range xs {
		line[i], square[i] = 3+2*x, x*x
	}
	if l := fit(xs, line); math.Abs(l.A-3) > 1e-9 || math.Abs(l.B-2) > 1e-9 || l.R2 < 0.999999 {
		t.Errorf("line: %+v", l)
	}
	if p := exponent(xs, square); math.Abs(p-2) > 1e-9 {
		t.Errorf("exponent of a square: %v", p)
	}
	m := model{BeatOctets: 500, BeatCPU: 100e-6, ChangeOctets: 500, ChangeCPU: 100e-6}
	for changes, want := range map[float64][2]int{0: {endless, endless}, 150: {26, endless}, 170: {16, 41}, 300: {1, 1}} {
		if cpu, wire := m.limits(changes); cpu != want[0] || wire != want[1] {
			t.Errorf("%g changes/s: up to %d and %d nodes, want %v", changes, cpu, wire, want)
		}
	}
}
