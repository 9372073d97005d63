package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// NOTIFYs that prove nothing, however many, cause no full transfer: one without a
// SOA, one of an epoch that has ended, one from anywhere. The peer is asked for
// its SOA, and is level afterwards.
func TestNotifyFloodCausesNoFullTransfer(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	b.register("2000")
	p, pulled, _ := a.follow(b, testKey)
	a.level(b, pulled)
	apex := record.HomeZone("pbx-b", origin)
	held := b.primary.Version()
	for _, answer := range [][]dns.RR{
		nil,
		{record.Version{Epoch: "00000000deadbeef", Serial: 7}.SOA(apex, origin, 0)},
		{record.Version{Epoch: held.Epoch, Serial: held.Serial - 1}.SOA(apex, origin, 0)},
		{record.Version{Epoch: held.Epoch, Serial: held.Serial + 1000}.SOA(apex, origin, 0)},
	} {
		for _, from := range []string{"127.0.0.1", "192.0.2.9"} {
			for range 500 {
				p.HandleNotify(answer, &net.TCPAddr{IP: net.ParseIP(from)})
			}
		}
	}
	b.register("2001")
	a.level(b, pulled)
	if n := b.full.Load(); n != 1 {
		t.Errorf("%d full transfers, want the first one only", n)
	}
}

// A peer whose epoch is another one at each question, as two nodes of one name
// make it, is transferred about once a second after the first few.
func TestEpochsThatAlternate(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	b.register("2000")
	p, pulled, _ := a.follow(b, testKey)
	a.level(b, pulled)
	begun := time.Now()
	for i := range 200 {
		p.reported(record.Version{Epoch: record.NewEpoch(), Serial: uint32(i)})
		<-time.After(2 * time.Millisecond)
	}
	most := int32(6 + time.Since(begun)/time.Second)
	if n := b.full.Load(); n > most {
		t.Errorf("%d full transfers in %v, want at most %d", n, time.Since(begun), most)
	}
	b.register("2001")
	a.level(b, pulled)
}

// logged collects log records.
type logged struct {
	mu  sync.Mutex
	all []string
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logged) WithGroup(string) slog.Handler            { return l }
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r.Level.String()+" "+r.Message)
	return nil
}

func (l *logged) count(prefix string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.all {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// What breaks off IXFRs leads to a full transfer; transfers that go on failing are
// counted, and logged once.
func TestBrokenTransfers(t *testing.T) {
	home := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}).Home("pbx-b")
	log := &logged{}
	p := New(Config{Node: "pbx-b", Addr: "192.0.2.1:53", Origin: origin, Home: home, Clock: location.NewClock(time.Now),
		Logger: slog.New(log), Timing: Timing{Silence: time.Second}})
	held := record.Version{Epoch: "e", Serial: 7}
	home.Replace(held, nil, nil)
	p.reported(record.Version{Epoch: "e", Serial: 9})
	p.failed(rcodeError(dns.RcodeServerFailure), false)
	if !p.deltas() {
		t.Error("a peer that answers SERVFAIL is asked for the full zone")
	}
	p.failed(errors.New("connection ended"), true)
	if !p.deltas() {
		t.Error("the full zone is asked for after one connection that ended")
	}
	p.failed(errors.New("connection ended"), true)
	if p.deltas() {
		t.Error("deltas are asked for again and again")
	}
	p.take(&stream.Transfer{Full: true, Version: held})
	if !p.deltas() {
		t.Error("the full zone is asked for again and again")
	}
	p.broken = failure{}
	p.failed(stream.ErrShort, false)
	if p.deltas() {
		t.Error("deltas that cannot be read are asked for again")
	}
	p.broken.since = time.Now().Add(-time.Minute)
	for range 10 {
		p.failed(stream.ErrShort, false)
	}
	if n := log.count("WARN home zone cannot be transferred"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	if n := p.Stats().Failed; n != 14 {
		t.Errorf("%d failures counted, want 14", n)
	}
}

// A peer that sends what is refused again and again causes a line for each thousand
// records; all are counted.
func TestRefusedRecordsDoNotFillTheLog(t *testing.T) {
	home := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}).Home("pbx-b")
	log := &logged{}
	p := New(Config{Node: "pbx-b", Addr: "192.0.2.1:53", Origin: origin, Home: home, Clock: location.NewClock(time.Now), Logger: slog.New(log)})
	for range 2500 {
		p.take(&stream.Transfer{Refused: 1, FirstRefused: errMessage})
	}
	if n := log.count("WARN records refused"); n != 3 || p.Stats().Refused != 2500 {
		t.Errorf("%d lines for %d records, want 3 for 2500", n, p.Stats().Refused)
	}
}
