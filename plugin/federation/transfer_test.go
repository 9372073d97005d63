package federation

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

// stuckWriter is a connection whose other side reads a few messages, and then
// no more.
type stuckWriter struct {
	test.ResponseWriter
	reads  int
	closed chan struct{}
}

func (w *stuckWriter) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711}
}

func (w *stuckWriter) WriteMsg(*dns.Msg) error {
	if w.reads--; w.reads >= 0 {
		return nil
	}
	<-w.closed
	return errors.New("connection closed")
}

func (w *stuckWriter) Close() error {
	select {
	case <-w.closed:
	default:
		close(w.closed)
	}
	return nil
}

// A client that stops reading in the middle of a transfer is disconnected.
func TestTransferToWhoStopsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := viewing(t, config.Config{Origin: "fed.example.", Node: "pbx-a", TTL: time.Second})
		r.primary = primary.New(primary.Config{Zone: r.zone.Own(), Clock: r.clock, Node: record.Node{Name: "pbx-a", State: record.Up},
			Logger: r.log})
		r.primary.Update(func(s *location.Store) (out []location.Change) {
			for i := range 2000 {
				out = append(out, s.Register(location.Contact{AOR: location.AOR(fmt.Sprint(1000 + i)), Kind: location.PJSIP, URI: "sip:x"})...)
			}
			return out
		})
		f := newFederation(r)
		apex := record.HomeZone("pbx-a", "fed.example.")
		w := &stuckWriter{reads: 2, closed: make(chan struct{})}
		start := time.Now()
		if _, err := f.transfer(&streamWriter{w}, new(dns.Msg).SetAxfr(apex), apex, r.primary, nil, f.snapshots); err == nil {
			t.Error("the transfer ended as if all had been read")
		}
		if d := time.Since(start); d < writeStall || d > 2*writeStall {
			t.Errorf("cut off after %v, want about %v", d, writeStall)
		}
	})
}

// countedZone counts how many transfers have it in memory.
type countedZone struct {
	stream.Zone
	now, most atomic.Int32
}

func (z *countedZone) Snapshot() (record.Version, record.Node, []location.Binding) {
	if n := z.now.Add(1); n > z.most.Load() {
		z.most.Store(n)
	}
	return z.Zone.Snapshot()
}

// A hundred readers of a large zone who never read hold a bounded number of copies
// of it, and each is cut off in its turn; one who wants to know what has changed
// does not wait for them.
func TestReadersThatNeverRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := viewing(t, config.Config{Origin: "fed.example.", Node: "pbx-a", TTL: time.Second})
		r.primary = primary.New(primary.Config{Zone: r.zone.Own(), Clock: r.clock, Node: record.Node{Name: "pbx-a", State: record.Up},
			Logger: r.log})
		r.primary.Update(func(s *location.Store) (out []location.Change) {
			for i := range 20_000 {
				out = append(out, s.Register(location.Contact{AOR: location.AOR(fmt.Sprint(100_000 + i)), Kind: location.PJSIP, URI: "sip:x"})...)
			}
			return out
		})
		f := newFederation(r)
		apex := record.HomeZone("pbx-a", "fed.example.")
		z := &countedZone{Zone: r.primary}
		const readers = 100
		begun := time.Now()
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				w := &streamWriter{&stuckWriter{closed: make(chan struct{})}}
				if _, err := f.transfer(w, new(dns.Msg).SetAxfr(apex), apex, z, nil, f.snapshots); err == nil {
					t.Error("a transfer that nobody reads has ended well")
				}
				z.now.Add(-1)
			})
		}
		synctest.Wait()
		v := r.primary.Version()
		ixfr := new(dns.Msg).SetIxfr(apex, v.Serial, "", "")
		ixfr.Ns = []dns.RR{v.SOA(apex, "fed.example.", 0)}
		if _, err := f.transfer(&stuckWriter{reads: 1, closed: make(chan struct{})}, ixfr, apex, z, nil, f.snapshots); err != nil || time.Since(begun) > 0 {
			t.Errorf("an IXFR took %v: %v", time.Since(begun), err)
		}
		all.Wait()
		if n := z.most.Load(); n > maxSnapshots {
			t.Errorf("%d copies of the zone at once, want at most %d", n, maxSnapshots)
		}
		if d := time.Since(begun); d > (readers/maxSnapshots+2)*writeStall {
			t.Errorf("the last was cut off after %v", d)
		}
	})
}
