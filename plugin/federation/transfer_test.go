package federation

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
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

// An asker that stops reading in the middle of a transfer is cut off.
func TestTransferToWhoStopsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRuntime(config.Config{Origin: "fed.example.", Node: "pbx-a", TTL: time.Second}, slog.New(slog.DiscardHandler))
		r.primary = zone.NewPrimary(zone.PrimaryConfig{View: r.view, Clock: r.clock, Node: zone.Node{Name: "pbx-a", State: zone.Up},
			Logger: r.log})
		r.primary.Update(func(s *location.Store) (out []location.Change) {
			for i := range 2000 {
				out = append(out, s.Register(location.Contact{AOR: location.AOR(fmt.Sprint(1000 + i)), Kind: location.PJSIP, URI: "sip:x"})...)
			}
			return out
		})
		f := &Federation{origin: "fed.example.", runtime: r}
		apex := zone.HomeZone("pbx-a", "fed.example.")
		w := &stuckWriter{reads: 2, closed: make(chan struct{})}
		start := time.Now()
		if _, err := f.transfer(&streamWriter{w}, new(dns.Msg).SetAxfr(apex), apex, r.primary); err == nil {
			t.Error("the transfer ended as if all had been read")
		}
		if d := time.Since(start); d < writeStall || d > 2*writeStall {
			t.Errorf("cut off after %v, want about %v", d, writeStall)
		}
	})
}
