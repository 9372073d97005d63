package lab

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// labManager is a manager account that hears of channels; asterfed's own may
// not.
const labManager = "[lab]\nsecret = lab\nread = call\nwrite = system,call,originate\npermit = 127.0.0.1/255.255.255.255\n"

// Channels counts the channels of one node while it is open.
type Channels struct {
	conn net.Conn

	mu      sync.Mutex
	started []string
	open    map[string]bool
	all     *peak
}

// peak is the highest number of channels that several nodes have together.
type peak struct {
	mu       sync.Mutex
	now, max int
}

func (p *peak) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now += n
	p.max = max(p.max, p.now)
}

// Watch is a count of channels on several nodes at once.
type Watch struct {
	nodes []*Channels
	peak  *peak
}

// WatchChannels begins to count channels on the nodes. The caller must Close.
func WatchChannels(nodes ...*Node) (*Watch, error) {
	w := &Watch{peak: &peak{}}
	for _, n := range nodes {
		c := &Channels{open: map[string]bool{}, all: w.peak}
		if err := c.login(n); err != nil {
			w.Close()
			return nil, err
		}
		w.nodes = append(w.nodes, c)
	}
	return w, nil
}

// Started returns the names of the channels that have begun since.
func (w *Watch) Started() []string {
	var all []string
	for _, c := range w.nodes {
		c.mu.Lock()
		all = append(all, c.started...)
		c.mu.Unlock()
	}
	return all
}

// Peak returns the highest number of channels at one time, all nodes together.
func (w *Watch) Peak() int {
	w.peak.mu.Lock()
	defer w.peak.mu.Unlock()
	return w.peak.max
}

// Close ends the count.
func (w *Watch) Close() {
	for _, c := range w.nodes {
		_ = c.conn.Close()
	}
}

func (c *Channels) login(n *Node) error {
	err := n.ns.enter(func() (err error) {
		c.conn, err = net.DialTimeout("tcp", "127.0.0.1:5038", 2*time.Second)
		return err
	})
	if err != nil {
		return fmt.Errorf("connect to the manager of %s: %w", n.Name, err)
	}
	if _, err := fmt.Fprint(c.conn, "Action: Login\r\nUsername: lab\r\nSecret: lab\r\n\r\n"); err != nil {
		return fmt.Errorf("log in to the manager of %s: %w", n.Name, err)
	}
	r := bufio.NewReader(c.conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("log in to the manager of %s: %w", n.Name, err)
		}
		if strings.HasPrefix(line, "Response: Success") {
			break
		}
	}
	go c.read(r)
	return nil
}

func (c *Channels) read(r *bufio.Reader) {
	message := map[string]string{}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if line = strings.TrimSpace(line); line != "" {
			key, value, _ := strings.Cut(line, ": ")
			message[key] = value
			continue
		}
		c.event(message["Event"], message["Uniqueid"], message["Channel"])
		clear(message)
	}
}

func (c *Channels) event(name, id, channel string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case name == "Newchannel":
		c.started = append(c.started, channel)
		c.open[id] = true
		c.all.add(1)
	case name == "Hangup" && c.open[id]:
		delete(c.open, id)
		c.all.add(-1)
	}
}
