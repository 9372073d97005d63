package peer

import (
	"context"
	"fmt"
	"net"
	"time"
)

// dials bounds the attempts under way at once.
const dials = 3

type dialled struct {
	conn net.Conn
	err  error
}

// dial connects to the peer. TCP repeats a lost first segment only after a second,
// too late to learn that a port is closed. So another attempt begins every quarter
// of the limit, and the first answer decides, also if it is a refusal.
func (p *Peer) dial(ctx context.Context, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer := make(chan dialled)
	next := time.NewTimer(0)
	defer next.Stop()
	for tries := 0; ; {
		select {
		case <-next.C:
			go p.try(ctx, answer)
			if tries++; tries < dials {
				next.Reset(limit / (dials + 1))
			}
		case d := <-answer:
			if d.err != nil {
				return nil, fmt.Errorf("connect to %s: %w", p.Addr(), d.err)
			}
			return d.conn, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to %s: no answer within %v", p.Addr(), limit)
		}
	}
}

// try makes one connection, and closes it if ctx has ended meanwhile.
func (p *Peer) try(ctx context.Context, answer chan<- dialled) {
	conn, err := p.cfg.Dial(ctx, "tcp", p.Addr())
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
