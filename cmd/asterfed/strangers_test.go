package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var strangersFor = flag.Duration("strangers-for", 2*time.Second, "how long each attack of TestStrangers lasts")

// What somebody without any key can make a node spend is bounded: the log by a
// megabyte, memory by what the node had before and a little more, and other
// clients go on being answered. A minute of each (-strangers-for 1m) is what the
// log of an ordinary machine on the internet has in an hour and more: 50 rounds a
// second of 2,000 queries, 100 datagrams or 20 connections.
func TestStrangers(t *testing.T) {
	pid := os.Getpid()
	ip := fmt.Sprintf("127.%d.%d.93", 1+pid>>8%250, pid%256)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"gossip.key":   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
		"transfer.key": "key \"transfer\" { algorithm hmac-sha256; secret \"c2VjcmV0c2VjcmV0c2VjcmV0\"; };\n",
		"Corefile": strings.NewReplacer("IP", ip, "DIR", dir).Replace(`fed.example:5395 {
    federation {
        node pbx-a
        gossip IP:7995 key DIR/gossip.key
        transfer IP:5395 key DIR/transfer.key
        data DIR/data
    }
    bind IP
    errors
}
`)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	node := startAsterfed(t, filepath.Join(dir, "Corefile"))
	server, gossip := ip+":5395", ip+":7995"
	question := new(dns.Msg).SetQuestion("_sip._udp.fed.example.", dns.TypeSRV)
	up := false
	for deadline := time.Now().Add(20 * time.Second); !up && time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		_, err := dns.Exchange(question.Copy(), server)
		up = err == nil
	}
	if !up {
		t.Fatalf("the node does not answer:\n%s", node.log())
	}

	query, err := question.Pack()
	if err != nil {
		t.Fatal(err)
	}
	pipeline := bytes.Repeat(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...), 2000)
	short := question.Copy()
	short.Extra = append(short.Extra, &dns.TSIG{Hdr: dns.RR_Header{Name: "transfer.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: dns.HmacSHA256, Fudge: 300, TimeSigned: uint64(time.Now().Unix()), OrigId: short.Id, MAC: "00", MACSize: 1})
	badMAC, err := short.Pack()
	if err != nil {
		t.Fatal(err)
	}
	attacks := []struct {
		name   string
		attack func(i int) error // one round of it
	}{
		{"queries in a stream, and no wait for the answers", func(int) error {
			c, err := net.Dial("tcp", server)
			if err != nil {
				return err
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Second))
			c.Write(pipeline) // the node may have had enough before its end
			return nil
		}},
		{"signatures of one octet", func(int) error { return datagrams(server, func(int) []byte { return badMAC }) }},
		{"gossip datagrams with labels that nobody has", func(i int) error {
			return datagrams(gossip, func(j int) []byte {
				label := fmt.Sprintf("label-%d-%d", i, j)
				return append([]byte{244, byte(len(label))}, label+strings.Repeat("x", 40)...)
			})
		}},
		{"gossip connections that announce 20 MB", func(int) error {
			var all []net.Conn
			defer func() {
				for _, c := range all {
					c.Close()
				}
			}()
			for range 20 {
				c, err := net.Dial("tcp", gossip)
				if err != nil {
					return err
				}
				all = append(all, c)
				c.SetDeadline(time.Now().Add(time.Second))
				c.Write(append([]byte{10, 1, 49, 45, 0}, make([]byte, 1<<20)...)) // encrypted, 20 MB
			}
			return nil
		}},
	}
	for _, a := range attacks {
		log, memory := len(node.log()), resident(t, node.cmd.Process.Pid)
		stop, answered := make(chan struct{}), make(chan []time.Duration)
		go func() { answered <- askOn(question, server, stop) }()
		var work sync.WaitGroup
		rounds, peak := 0, memory
		until := time.Now().Add(*strangersFor)
		work.Go(func() {
			for ; time.Now().Before(until); <-time.After(20 * time.Millisecond) {
				if err := a.attack(rounds); err != nil {
					t.Errorf("%s: %v", a.name, err)
					return
				}
				rounds++
			}
		})
		for time.Now().Before(until) {
			<-time.After(50 * time.Millisecond)
			peak = max(peak, resident(t, node.cmd.Process.Pid))
		}
		work.Wait()
		close(stop)
		took := <-answered
		if len(took) == 0 {
			t.Fatalf("%s: nobody else is answered", a.name)
		}
		slices.Sort(took)
		lost := 0
		for _, d := range took {
			if d >= patience {
				lost++
			}
		}
		t.Logf("%s: %d rounds, log +%d octets, resident %d to %d kB, others answered %d times, p50 %v p99 %v, %d not", a.name,
			rounds, len(node.log())-log, memory, peak,
			len(took)-lost, took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Microsecond), lost)
		if n := len(node.log()) - log; n > 250_000 {
			t.Errorf("%s: the log has grown by %d octets, want a quarter of a megabyte at most:\n%.2000s", a.name, n, node.log()[log:])
		}
		if most := memory + memoryFactor*128<<10; peak > most {
			t.Errorf("%s: resident memory has grown from %d to %d kB, want at most %d", a.name, memory, peak, most)
		}
		if lost > len(took)/10 {
			t.Errorf("%s: %d of %d other queries were not answered in %v", a.name, lost, len(took), patience)
		}
	}
}

// patience is how long a client waits for an answer.
const patience = 2 * time.Second

// askOn sends a query 50 times a second until stop, and returns how long each
// answer took.
func askOn(m *dns.Msg, server string, stop chan struct{}) (took []time.Duration) {
	c := dns.Client{Timeout: patience}
	for {
		select {
		case <-stop:
			return took
		case <-time.After(20 * time.Millisecond):
		}
		start := time.Now()
		if _, _, err := c.Exchange(m.Copy(), server); err != nil {
			took = append(took, patience)
			continue
		}
		took = append(took, time.Since(start))
	}
}

// datagrams sends a hundred.
func datagrams(to string, payload func(i int) []byte) error {
	c, err := net.Dial("udp", to)
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range 100 {
		if _, err := c.Write(payload(i)); err != nil {
			return err
		}
	}
	return nil
}

// resident returns the resident memory of a process, in kB.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
