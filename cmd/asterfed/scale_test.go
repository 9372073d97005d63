package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

const (
	scaleOrigin = "fed.example."
	scaleHomes  = 50
	scaleKey    = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
)

var scaleEpoch = record.NewEpoch()

// scaleAOR names the i-th user: numbers, words, and names of two labels.
func scaleAOR(i int) location.AOR {
	switch i % 10 {
	case 0:
		return location.AOR(fmt.Sprintf("given%d.surname%d", i, i/10%2000))
	case 1, 2:
		return location.AOR(fmt.Sprintf("user-%06x", i))
	}
	return location.AOR(fmt.Sprintf("97231%07d", i))
}

// scaleHome is what the h-th of scaleHomes homes has of so many users.
func scaleHome(h, users int) (record.Node, []location.Binding) {
	var all []location.Binding
	for i := h; i < users; i += scaleHomes {
		c := location.Contact{AOR: scaleAOR(i), Kind: location.PJSIP, URI: "sip:" + strconv.Itoa(i)}
		all = append(all, location.Binding{AOR: c.AOR, Kind: c.Kind, Contact: c.ID(), Stamp: location.Stamp(1_700_000_000_000+i) << 16})
	}
	return record.Node{Name: fmt.Sprintf("pbx-%d", h), State: record.Up, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.60")},
		SIP: []record.Transport{{Proto: "udp", Port: 5060}}}, all
}

// scaled is a data directory, the Corefile above it, and the users in it.
type scaled struct {
	dir   string
	users int
}

// newScaled writes what pbx-0 has kept: own bindings in its journal, those of
// every other home in a copy, whose server is at addr.
func newScaled(b *testing.B, own []location.Binding, others int, version record.Version, addr string) scaled {
	s := scaled{dir: b.TempDir(), users: others}
	node, _ := scaleHome(0, 0)
	j, _, err := primary.OpenJournal(filepath.Join(s.dir, "data"), node.Name, scaleOrigin)
	if err == nil {
		if err = j.Rewrite(record.Version{Epoch: scaleEpoch, Serial: 7}, &node, own); err == nil {
			err = j.Close()
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	copies := filepath.Join(s.dir, "data", "secondary")
	if err := os.MkdirAll(copies, 0o750); err != nil {
		b.Fatal(err)
	}
	for h := 1; h < scaleHomes; h++ {
		node, all := scaleHome(h, others)
		home := answer.New(answer.Config{}, view.New(view.Config{Origin: scaleOrigin, Self: "none", TTL: 5 * time.Second})).Home(node.Name)
		home.Replace(version, &node, all)
		if err := stream.WriteReplica(stream.ReplicaFile(copies, node.Name), home, scaleOrigin, addr, 5); err != nil {
			b.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"gossip.key":   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
		"transfer.key": "key \"transfer\" { algorithm hmac-sha256; secret \"" + scaleKey + "\"; };\n",
		"Corefile": strings.ReplaceAll(`fed.example:5360 {
    federation {
        node pbx-0
        sip udp:5060
        gossip 127.0.0.60:7960 key DIR/gossip.key
        rpc 127.0.0.60:7360
        transfer 127.0.0.60:5360 key DIR/transfer.key
        data DIR/data
    }
    bind 127.0.0.60
    errors
}
`, "DIR", s.dir),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// start runs the command until every name of last is answered with a home.
func (s scaled) start(b *testing.B, last []location.AOR) (took time.Duration, rss int64) {
	cmd := exec.Command("asterfed", "serve", "--conf", filepath.Join(s.dir, "Corefile"))
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}()
	client := dns.Client{Timeout: 100 * time.Millisecond}
	for _, a := range last {
		for q := new(dns.Msg).SetQuestion(a.Fold()+".users."+scaleOrigin, dns.TypeNAPTR); ; {
			r, _, err := client.Exchange(q, "127.0.0.60:5360")
			if err == nil && len(r.Answer) > 0 {
				break
			}
			if time.Since(began) > time.Minute {
				text, _ := os.ReadFile(log.Name())
				b.Fatalf("%s is not answered after a minute: %v\n%s", a, err, text)
			}
			<-time.After(2 * time.Millisecond)
		}
	}
	took = time.Since(began)
	return took, settledRSS(b, log.Name(), cmd.Process.Pid)
}

// settledRSS waits until the node says that it knows all others, and for as
// long as its memory shrinks; octets.
func settledRSS(b *testing.B, log string, pid int) (least int64) {
	for range 1500 {
		<-time.After(20 * time.Millisecond)
		if text, _ := os.ReadFile(log); strings.Contains(string(text), "all nodes are known") {
			break
		}
	}
	least = 1 << 62
	for still := 0; still < 200; still++ { // longer than what a transfer took is kept
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			b.Fatal(err)
		}
		pages, _ := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
		if n := pages * int64(os.Getpagesize()); n < least {
			least, still = n, 0
		}
		<-time.After(20 * time.Millisecond)
	}
	return least
}

// BenchmarkStart starts the real command from its data: all users in its own
// journal, all in copies of 49 other homes, and nobody, of which the memory
// is what a node has without users. Nobody answers at the other homes but
// their Asterisks, so that the copies serve.
func BenchmarkStart(b *testing.B) {
	users := scaleUsers()
	asterisk, err := amitest.New(amitest.Config{Addr: "127.0.0.60:5038", SIPAddr: "127.0.0.60:5060", User: "x", Secret: "y"})
	if err != nil {
		b.Fatal(err)
	}
	defer asterisk.Close()
	var none int64
	for _, c := range []struct {
		name           string
		own, elsewhere int
	}{{"none", 0, 0}, {"journal", users, 0}, {"copies", 0, users}} {
		b.Run(c.name, func(b *testing.B) {
			var own []location.Binding
			var last []location.AOR
			for h := range scaleHomes {
				if _, all := scaleHome(h, c.own); len(all) > 0 {
					own = append(own, all...)
					last = append(last, all[len(all)-1].AOR)
				}
				if _, all := scaleHome(h, c.elsewhere); h > 0 && len(all) > 0 {
					last = append(last, all[len(all)-1].AOR)
				}
			}
			s := newScaled(b, own, c.elsewhere, record.Version{Epoch: scaleEpoch, Serial: 1}, "127.0.0.60:1")
			best := time.Hour
			for b.Loop() {
				took, rss := s.start(b, last)
				best = min(best, took)
				b.ReportMetric(best.Seconds(), "best-s")
				b.ReportMetric(float64(rss)/1e6, "rss-MB")
				if users := c.own + c.elsewhere; users == 0 {
					none = rss
				} else {
					b.ReportMetric(float64(rss)/float64(users), "rss-B/user")
					b.ReportMetric(float64(rss-none)/float64(users), "more-rss-B/user")
				}
			}
		})
	}
}

// BenchmarkJoin starts the real command with empty copies of 49 other homes,
// which it transfers from this process, on the same cores.
func BenchmarkJoin(b *testing.B) {
	users := scaleUsers()
	zones := map[string]*primary.Primary{}
	var last []location.AOR
	for h := 1; h < scaleHomes; h++ {
		node, all := scaleHome(h, users)
		view := answer.New(answer.Config{}, view.New(view.Config{Origin: scaleOrigin, Self: node.Name, TTL: 5 * time.Second}))
		p := primary.New(primary.Config{Zone: view.Own(), Clock: location.NewClock(time.Now), Node: node, Logger: slog.New(slog.DiscardHandler)})
		if _, err := p.Update(func(s *location.Store) (out []location.Change) {
			s.Restore(all...)
			for _, x := range all {
				out = append(out, location.Change{New: x})
			}
			return out
		}); err != nil {
			b.Fatal(err)
		}
		zones[record.HomeZone(node.Name, scaleOrigin)] = p
		last = append(last, all[len(all)-1].AOR)
	}
	addr := serveHomes(b, zones)
	for b.Loop() {
		s := newScaled(b, nil, 0, record.Version{Epoch: record.NewEpoch(), Serial: 1}, addr)
		took, rss := s.start(b, last)
		b.ReportMetric(took.Seconds(), "last-s")
		b.ReportMetric(float64(rss)/float64(users), "rss-B/user")
	}
}

// serveHomes answers transfers and SOA of many homes at one address.
func serveHomes(b *testing.B, zones map[string]*primary.Primary) string {
	l, err := net.Listen("tcp", "127.0.0.60:0")
	if err != nil {
		b.Fatal(err)
	}
	key := &tsig.Key{Name: "transfer.", Algorithm: dns.HmacSHA256, Secret: scaleKey}
	server := &dns.Server{Listener: l, TsigSecret: map[string]string{key.Name: key.Secret}, MaxTCPQueries: -1,
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg).SetReply(r)
			t, p := r.IsTsig(), zones[r.Question[0].Name]
			switch {
			case t == nil || p == nil || r.Opcode != dns.OpcodeQuery:
				m.Rcode = dns.RcodeRefused
			case r.Question[0].Qtype == dns.TypeAXFR:
				if stream.Answer(p, stream.Query{Origin: scaleOrigin, Apex: r.Question[0].Name, TTL: 5}, stream.Reply{Msg: m, Key: key, MAC: t.MAC,
					Send: func(wire []byte) error { _, err := w.Write(wire); return err }}) != nil {
					w.Close()
				}
				return
			default:
				m.Answer = []dns.RR{p.Version().SOA(r.Question[0].Name, scaleOrigin, 5)}
			}
			if t != nil {
				m.SetTsig(t.Hdr.Name, t.Algorithm, 300, time.Now().Unix())
			}
			w.WriteMsg(m)
		})}
	go server.ActivateAndServe()
	b.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nobody waits for connections that stay open
		server.ShutdownContext(ctx)
	})
	return l.Addr().String()
}

func scaleUsers() int {
	if testing.Short() {
		return 50_000
	}
	return 1_000_000
}
