package gate

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds for incoming gossip connections. memberlist reads up to 20 MB of each
// connection into memory before it can tell whether the sender has the key. An
// exchange of member lists takes about 1 kB a member, and a few milliseconds. The
// bounds on all are for addresses where no member is, so that strangers cannot
// keep members out.
const (
	maxStreams     = 128 // of all strangers at the same time
	maxStreamsFrom = 16  // of one address
	maxOctets      = 4 << 20
	maxOctetsFrom  = 8 << 20
	maxOctetsTotal = 32 << 20 // of all strangers
)

// limits counts the incoming connections that are open and the octets that they
// have sent. Safe for concurrent use.
type limits struct {
	log *slog.Logger

	mu      sync.Mutex
	members map[netip.Prefix]bool
	total   usage // of strangers
	from    map[netip.Prefix]*usage
	refused int       // since the last warning
	warned  time.Time // last warning
}

type usage struct{ streams, octets int }

func (l *limits) know(members []netip.Addr) {
	known := make(map[netip.Prefix]bool, len(members))
	for _, ip := range members {
		known[prefixOf(ip)] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members = known
}

func newLimits(log *slog.Logger) *limits {
	return &limits{log: log, from: make(map[netip.Prefix]*usage)}
}

// admit returns c with its reads bounded, or closes it and returns nil. memberlist
// sets the deadline.
func (l *limits) admit(c net.Conn) net.Conn {
	from := source(c.RemoteAddr())
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.from[from]
	if u == nil {
		u = new(usage)
	}
	stranger := !l.members[from]
	most := maxStreamsFrom
	if from.Addr().IsLoopback() { // many nodes on one machine, all of whose connections come from one address
		most = maxStreams
	}
	if stranger && l.total.streams >= maxStreams || u.streams >= most {
		c.Close()
		l.refuse(from, "too many at once")
		return nil
	}
	l.from[from] = u
	if stranger {
		l.total.streams++
	}
	u.streams++
	return &stream{Conn: c, limits: l, from: from, usage: u, stranger: stranger}
}

// refuse counts a connection that was cut off and says so now and then. The
// caller holds mu.
func (l *limits) refuse(from netip.Prefix, why string) {
	l.refused++
	if !l.warned.IsZero() && time.Since(l.warned) < logPause {
		return
	}
	l.log.Warn("gossip connections cut off", "from", from, "why", why, "count", l.refused)
	l.warned, l.refused = time.Now(), 0
}

// source is what counts as one sender: an IPv4 address, or the /64 that a host
// has to itself with IPv6.
func source(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	return prefixOf(ap.Addr())
}

func prefixOf(ip netip.Addr) netip.Prefix {
	ip, bits := ip.Unmap(), 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.WithZone("").Prefix(bits)
	return p
}

// stream is an admitted connection.
type stream struct {
	net.Conn
	limits *limits
	from   netip.Prefix
	usage  *usage // of from; guarded by limits.mu

	stranger bool // no member was at its address when it came

	octets int  // read; guarded by limits.mu
	closed bool // guarded by limits.mu
}

// Read reads until one of the bounds is reached.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	l := s.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.closed {
		return n, err
	}
	s.octets += n
	s.usage.octets += n
	if s.stranger {
		l.total.octets += n
	}
	if s.octets > maxOctets || s.usage.octets > maxOctetsFrom || s.stranger && l.total.octets > maxOctetsTotal {
		l.refuse(s.from, "too much data")
		return 0, fmt.Errorf("gossip connection cut off: more than %d octets from it, %d from its address or %d from all", maxOctets, maxOctetsFrom, maxOctetsTotal)
	}
	return n, err
}

// Close closes the connection and frees its share of the bounds.
func (s *stream) Close() error {
	l := s.limits
	l.mu.Lock()
	if !s.closed {
		s.closed = true
		s.usage.streams--
		s.usage.octets -= s.octets
		if s.stranger {
			l.total.streams--
			l.total.octets -= s.octets
		}
		if s.usage.streams == 0 {
			delete(l.from, s.from)
		}
	}
	l.mu.Unlock()
	return s.Conn.Close()
}
