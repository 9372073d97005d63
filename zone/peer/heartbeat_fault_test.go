package peer

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// server is the other end of heartbeats.
type server struct {
	rtt     time.Duration
	swallow int64 // the question of this number is not answered, from 1
	silent  *atomic.Bool
	wrap    func(net.Conn) net.Conn
}

// run lets a peer beat against it, and returns what ended that, and how many
// questions there were.
func (v server) run(t *testing.T, p *Peer) (chan error, *atomic.Int64) {
	client, far := net.Pipe()
	if v.wrap != nil {
		client = v.wrap(client)
	}
	s := newSession(client, nil, p.hear, nil)
	var beats atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn := &dns.Conn{Conn: far}
		for {
			q, err := conn.ReadMsg()
			if err != nil {
				return
			}
			time.Sleep(v.rtt)
			if beats.Add(1) == v.swallow || v.silent != nil && v.silent.Load() {
				continue
			}
			m := new(dns.Msg)
			m.SetReply(q)
			m.Answer = []dns.RR{record.Version{Epoch: "e", Serial: 1}.SOA(p.apex, origin, 5)}
			if conn.WriteMsg(m) != nil {
				return
			}
		}
	}()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); far.Close(); <-done })
	go func() { ended <- p.heartbeats(ctx, s) }()
	return ended, &beats
}

// Where the other side stops asking, but answers, nothing is lost, whenever in
// the time between two heartbeats that was.
func TestOtherSideStopsAsking(t *testing.T) {
	for phase := time.Duration(0); phase < LAN.Heartbeat; phase += 5 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			p := asked("pbx-c")
			ended, _ := server{rtt: 45 * time.Millisecond}.run(t, p)
			time.Sleep(phase)
			for range 12 {
				p.HandleHeartbeat([]dns.RR{record.Version{Epoch: "e", Serial: 1}.SOA(p.apex, origin, 5)}, &net.TCPAddr{IP: net.ParseIP("192.0.2.2")})
				time.Sleep(LAN.Heartbeat)
			}
			select {
			case err := <-ended:
				t.Errorf("asked %v after a heartbeat of this side: %v", phase, err)
			case <-time.After(10 * time.Second):
			}
		})
	}
}

// slowWrite returns from Write some time after the octets are on their way.
type slowWrite struct{ net.Conn }

func (c slowWrite) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	time.Sleep(time.Millisecond)
	return n, err
}

// The answer to a doubt counts, however quick it is.
func TestDoubtAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := lone(nil, 200)
		ended, _ := server{wrap: func(c net.Conn) net.Conn { return slowWrite{c} }}.run(t, p)
		time.Sleep(10*time.Second + 10*time.Millisecond)
		p.Probe()
		select {
		case err := <-ended:
			t.Error(err)
		case <-time.After(20 * time.Second):
		}
	})
}

// A question that is never answered, on a connection that brings other
// messages, is not the last one.
func TestHeartbeatUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := lone(nil, 1)
		_, beats := server{swallow: 3}.run(t, p)
		for range 200 { // NOTIFYs are answered meanwhile
			time.Sleep(300 * time.Millisecond)
			p.hear()
		}
		if n := beats.Load(); n < 100 {
			t.Errorf("%d heartbeats in a minute", n)
		}
	})
}

// A request that is being written delays no verdict on a silence.
func TestStuckWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := lone(nil, 1)
		client, far := net.Pipe() // nobody reads
		defer far.Close()
		s := newSession(client, nil, p.hear, nil)
		p.hear()
		s.writing.Lock() // somebody writes
		defer s.writing.Unlock()
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- p.heartbeats(t.Context(), s) }()
		if err := <-ended; time.Since(began) > LAN.Silence {
			t.Errorf("silence is noticed after %v: %v", time.Since(began), err)
		}
	})
}
