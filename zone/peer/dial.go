package peer

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// dials bounds the attempts under way at once.
const dials = 3

type dialled struct {
	conn net.Conn
	err  error
}

// dialer connects to the DNS server of a peer. Safe for concurrent use.
type dialer struct {
	connectTo func(ctx context.Context, network, addr string) (net.Conn, error)
	addr      atomic.Pointer[string]
}

// SetAddr changes where the peer's DNS server is; the next dial goes there.
func (d *dialer) SetAddr(addr string) { d.addr.Store(&addr) }

// Addr returns where the peer's DNS server is.
func (d *dialer) Addr() string { return *d.addr.Load() }

// dial connects to the peer. TCP repeats a lost first segment only after a second,
// too late to learn that a port is closed. So another attempt begins every quarter
// of the limit, and the first answer decides, also if it is a refusal.
func (d *dialer) dial(ctx context.Context, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer := make(chan dialled)
	next := time.NewTimer(0)
	defer next.Stop()
	for tries := 0; ; {
		select {
		case <-next.C:
			go d.try(ctx, answer)
			if tries++; tries < dials {
				next.Reset(limit / (dials + 1))
			}
		case got := <-answer:
			if got.err != nil {
				return nil, fmt.Errorf("connect to %s: %w", d.Addr(), got.err)
			}
			return got.conn, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to %s: no answer within %v", d.Addr(), limit)
		}
	}
}

// try makes one connection, and closes it if ctx has ended meanwhile.
func (d *dialer) try(ctx context.Context, answer chan<- dialled) {
	conn, err := d.connectTo(ctx, "tcp", d.Addr())
	if err != nil && ctx.Err() != nil {
		return
	}
	select {
	case answer <- dialled{conn, err}:
	case <-ctx.Done():
		if conn != nil {
			conn.Close()
		}
	}
}

// cameFrom reports whether an address is that of the peer's DNS server, whatever
// the port.
func (d *dialer) cameFrom(from net.Addr) bool {
	a, ok := from.(*net.TCPAddr)
	if !ok {
		return false
	}
	host, _, err := net.SplitHostPort(d.Addr())
	return err == nil && a.IP.Equal(net.ParseIP(host))
}
