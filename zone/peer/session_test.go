package peer

import (
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
