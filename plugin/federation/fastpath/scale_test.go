package fastpath

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/udp"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// BenchmarkScaleUDP answers queries that arrive by UDP, as many at a time as go
// with one system call, out of 1,000 users and of 1,000,000 on 50 homes, in turns.
// It reports what a query takes of CPU, the kernel's part included, at its best,
// so that another load on the machine disturbs it little.
func BenchmarkScaleUDP(b *testing.B) {
	sizes := []int{1_000, 1_000_000}
	if testing.Short() {
		sizes[1] = 50_000
	}
	for _, spread := range []string{"even", "zipf"} {
		b.Run(spread, func(b *testing.B) {
			runtime.LockOSThread() // CPU time is a thread's
			defer runtime.UnlockOSThread()
			var turns []*asked
			for _, n := range sizes {
				a := newAsked(b, n, spread)
				defer a.close()
				turns = append(turns, a)
			}
			best := []time.Duration{time.Hour, time.Hour}
			var ratios []float64
			for b.Loop() {
				var took [2]time.Duration
				for i, a := range turns {
					took[i] = a.answer(b)
					best[i] = min(best[i], took[i])
				}
				ratios = append(ratios, float64(took[1])/float64(took[0]))
			}
			slices.Sort(ratios)
			b.ReportMetric(float64(best[0].Nanoseconds()), "small-ns")
			b.ReportMetric(float64(best[1].Nanoseconds()), "large-ns")
			b.ReportMetric(float64(best[1])/float64(best[0]), "ratio")
			b.ReportMetric(ratios[len(ratios)/2], "median-ratio")
		})
	}
}

const origin = "fed.example."

// asked is a node that answers what a socket of its own asks.
type asked struct {
	conn   *udp.Conn
	client *net.UDPConn
	users  int
	pick   func() int
	buf    []byte
}

// together is how many plain queries are in a batch, before one datagram that
// ends the reading.
const together = 63

func newAsked(b *testing.B, users int, spread string) *asked {
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: 5 * time.Second}))
	for h := range 50 {
		node := record.Node{Name: fmt.Sprintf("pbx-%d", h), State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
		var all []location.Binding
		for i := h; i < users; i += 50 {
			all = append(all, location.Binding{AOR: location.AOR(askedName(i)), Kind: location.PJSIP, Contact: location.ContactID(i + 1), Stamp: location.Stamp(i + 1)})
		}
		v.Home(node.Name).Replace(record.Version{Epoch: "e", Serial: 1}, &node, all)
	}
	v.SetSettled(true)
	s := &Answerer{zone: v, packer: v.NewPacker(), lookAhead: v.NewAhead(), log: slog.New(slog.DiscardHandler), size: dns.MaxMsgSize,
		requests: prometheus.NewCounter(prometheus.CounterOpts{Name: "requests"})}
	conn, err := udp.Listen("127.0.0.1:0", 0, s.Answer)
	if err != nil {
		b.Fatal(err)
	}
	conn.LookAhead(s.ahead)
	client, err := net.DialUDP("udp", nil, conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	z, perm := rand.NewZipf(r, 1.1, 10, uint64(users-1)), r.Perm(users)
	a := &asked{conn: conn, client: client, users: users, pick: func() int { return r.IntN(users) }, buf: make([]byte, udp.MaxReply)}
	if spread == "zipf" {
		a.pick = func() int { return perm[z.Uint64()] }
	}
	return a
}

func (a *asked) close() {
	a.client.Close()
	a.conn.Close()
}

func askedName(i int) string {
	switch i % 10 {
	case 0:
		return fmt.Sprintf("given%d.surname%d", i, i/10%2000)
	case 1, 2:
		return fmt.Sprintf("user-%06x", i)
	}
	return fmt.Sprintf("97231%07d", i)
}

// answer lets 100 batches be answered and returns what a query has taken.
func (a *asked) answer(b *testing.B) time.Duration {
	const batches = 100
	var took time.Duration
	for range batches {
		for range together {
			wire, err := new(dns.Msg).SetQuestion(askedName(a.pick())+".users."+origin, dns.TypeNAPTR).Pack()
			if err != nil {
				b.Fatal(err)
			}
			a.client.Write(wire)
		}
		a.client.Write([]byte{0})
		began := threadTime()
		n, _, err := a.conn.ReadFrom(a.buf)
		took += threadTime() - began
		if err != nil || n != 1 {
			b.Fatalf("read %d octets: %v", n, err)
		}
		// The replies to what came before the last datagram go out with the next call
		// to ReadFrom: they are read then.
		a.client.Write([]byte{0})
		began = threadTime()
		a.conn.ReadFrom(a.buf)
		took += threadTime() - began
		for range together {
			if n, err = a.client.Read(a.buf); err != nil || n < 12 || a.buf[7] == 0 {
				b.Fatalf("answer of %d octets: %v", n, err)
			}
		}
	}
	return took / (batches * together)
}

// threadTime is what the calling thread has used of CPU.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
