package peer

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// pipe returns a session without a key and the server's end of it.
func pipe(t *testing.T) (*session, *dns.Conn) {
	client, server := net.Pipe()
	s := newSession(client, nil, func() {}, nil)
	t.Cleanup(func() { s.close(errors.New("test ended")); server.Close() })
	return s, &dns.Conn{Conn: server}
}

// A transfer that its caller gives up, though messages still come in, holds
// up nobody else on the connection.
func TestAbandonedTransferHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := pipe(t)
		apex := record.HomeZone("pbx-b", origin)
		go func() {
			q, err := server.ReadMsg()
			if err != nil {
				t.Error(err)
				return
			}
			m := new(dns.Msg)
			m.SetReply(q)
			for range 100 { // begins with what is no SOA, and goes on
				m.Answer = []dns.RR{stream.NS(apex, "pbx-b", origin, 5)}
				if server.WriteMsg(m) != nil {
					return
				}
			}
			if q, err = server.ReadMsg(); err != nil {
				return
			}
			m.SetReply(q)
			m.Answer = []dns.RR{record.Version{Epoch: "e", Serial: 7}.SOA(apex, origin, 5)}
			server.WriteMsg(m)
		}()
		m := new(dns.Msg).SetAxfr(apex)
		c, err := s.send(m)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // as much has come in as is buffered
		s.forget(c)
		v, err := s.soa(t.Context(), apex, 10*time.Second)
		if err != nil || v.Serial != 7 {
			t.Errorf("SOA is %v, %v: want serial 7", v, err)
		}
	})
}

// A NOTIFY that waits behind a long answer is no reason to break the
// connection off: the heartbeat decides on silence.
func TestLateNotifyBreaksNothing(t *testing.T) {
	b := newNode(t, "pbx-b", "")
	b.deaf.Store(true)
	a := newNode(t, "pbx-a", "")
	p, pulled, lost := a.follow(b, testKey)
	a.level(b, pulled)
	beats := time.After(2 * 3 * p.cfg.Timing.Silence)
	select {
	case err := <-lost:
		if !errors.Is(err, errSilent) { // on a machine without time for this process
			t.Errorf("connection lost: %v", err)
		}
	case <-beats:
	}
}

// A session can be closed several times, and without an error.
func TestSessionClosedTwice(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s := newSession(ours, nil, func() {}, nil)
	s.close(nil)
	s.close(nil)
	s.close(errSilent)
	if err := s.err(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed with %v", err)
	}
}

// A transfer that succeeds while its peer ends, ends with the reason too: the
// session would otherwise be closed without one.
func TestPullsEndWithTheContext(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	for range 30 { // the message and the end of the context race
		ctx, cancel := context.WithCancelCause(t.Context())
		p := New(Config{Node: "pbx-b", Addr: b.addr, Origin: origin, Key: testKey, Home: a.view.Home("pbx-b"), Clock: a.clock,
			Heard: func() { cancel(errSilent) }, Lost: func(error) {}, Logger: quiet})
		conn, err := p.dial(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		s := newSession(conn, testKey, func() {}, p.clock)
		p.renew.Store(true)
		p.reported(b.primary.Version())
		poke(p.wake)
		if err := p.pulls(ctx, s); !errors.Is(err, errSilent) {
			t.Fatalf("pulls ended with %v, want the reason", err)
		}
		s.close(nil)
	}
}
