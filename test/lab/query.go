package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Load asks one node's DNS server the same kind of question at a steady rate.
type Load struct {
	conn  net.Conn
	names []string
	stop  chan struct{}
	done  sync.WaitGroup

	mu    sync.Mutex
	tally Tally
}

// Tally counts the answers to a Load.
type Tally struct {
	Asked int
	// Records counts the answers that hold records.
	Records int
	// Rcode counts the answers of each RCODE (RFC 1035 §4.1.1).
	Rcode [16]int
	// Wrong names one that was answered NXDOMAIN.
	Wrong string
}

// The numbers of the wire (RFC 1035 §3.2, §4.1.1; RFC 3403 §4).
const (
	typeNAPTR = 35
	classIN   = 1
	// NXDOMAIN is the RCODE of a name that does not exist.
	NXDOMAIN = 3
)

// Ask begins to ask the node, from within it, for the NAPTRs of the names in
// turn, so many a second. The caller must Stop it.
func (n *Node) Ask(names []string, rate int) (*Load, error) {
	l := &Load{names: names, stop: make(chan struct{})}
	err := n.ns.enter(func() (err error) {
		l.conn, err = net.Dial("udp", "127.0.0.1:53")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", n.Name, err)
	}
	l.done.Add(2)
	go l.send(rate)
	go l.receive()
	return l, nil
}

// AskUntil asks the node, from within it, for the NAPTRs of a name a hundred
// times a second, until an answer is as wanted.
func (n *Node) AskUntil(name string, limit time.Duration, wanted func(answer []byte) bool) error {
	var conn net.Conn
	err := n.ns.enter(func() (err error) {
		conn, err = net.Dial("udp", "127.0.0.1:53")
		return err
	})
	if err != nil {
		return fmt.Errorf("ask %s: %w", n.Name, err)
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	for id, end := uint16(1), time.Now().Add(limit); time.Now().Before(end); id++ {
		_, _ = conn.Write(question(id, name))
		_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		size, err := conn.Read(buf)
		if err == nil && size > 12 && binary.BigEndian.Uint16(buf) == id && buf[2]&0x82 == 0x80 && wanted(buf[:size]) { // a response, not cut short
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("ask %s: %s is not as wanted after %s", n.Name, name, limit)
}

// Stop ends the questions, waits half a second for the last answers, and
// returns the count.
func (l *Load) Stop() Tally {
	close(l.stop)
	_ = l.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	l.done.Wait()
	_ = l.conn.Close()
	return l.tally
}

func (l *Load) send(rate int) {
	defer l.done.Done()
	const batches = 100
	tick := time.NewTicker(time.Second / batches)
	defer tick.Stop()
	for i := 0; ; {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		for range rate / batches {
			_, _ = l.conn.Write(question(uint16(i%len(l.names)), l.names[i%len(l.names)]))
			i++
		}
		l.mu.Lock()
		l.tally.Asked = i
		l.mu.Unlock()
	}
}

func (l *Load) receive() {
	defer l.done.Done()
	buf := make([]byte, 4096)
	for {
		n, err := l.conn.Read(buf)
		if e, ok := err.(net.Error); ok && e.Timeout() {
			return
		}
		if err != nil || n < 12 {
			continue // the port is closed while the server restarts
		}
		l.mu.Lock()
		rcode := buf[3] & 15
		l.tally.Rcode[rcode]++
		if binary.BigEndian.Uint16(buf[6:]) > 0 {
			l.tally.Records++
		}
		if rcode == NXDOMAIN {
			l.tally.Wrong = l.names[int(binary.BigEndian.Uint16(buf))%len(l.names)]
		}
		l.mu.Unlock()
	}
}

// question returns a query in wire format (RFC 1035 §4.1).
func question(id uint16, name string) []byte {
	q := binary.BigEndian.AppendUint16(nil, id)
	q = append(q, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		q = append(q, byte(len(label)))
		q = append(q, label...)
	}
	q = append(q, 0)
	q = binary.BigEndian.AppendUint16(q, typeNAPTR)
	return binary.BigEndian.AppendUint16(q, classIN)
}
