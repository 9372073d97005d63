package liveness

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"
)

// portInterval is how often the own SIP port is tried.
const portInterval = 200 * time.Millisecond

// watchPort notices when the own SIP server closes its port, which a stop of
// Asterisk does about half a second before AMI announces it. It sends the
// keep-alive of RFC 5626 §3.5.1, which a SIP server drops without a word, and
// waits for the kernel to refuse it; only where OPTIONS has been answered before
// does a refusal mean anything.
func (m *Monitor) watchPort(ctx context.Context) {
	addr := ""
	for _, t := range m.cfg.SIP {
		if t.Proto == "udp" && len(m.cfg.Addrs) > 0 {
			addr = net.JoinHostPort(m.cfg.Addrs[0].String(), strconv.Itoa(int(t.Port)))
			break
		}
	}
	if addr == "" {
		return
	}
	tick := time.NewTicker(portInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if m.open.Load() && m.refused(ctx, addr, tick.C) {
			m.open.Store(false)
			select {
			case m.closed <- struct{}{}:
			default:
			}
		}
	}
}

// refused sends keep-alives as long as the port is open, and reports whether
// it was closed, which the kernel reports at the next one.
func (m *Monitor) refused(ctx context.Context, addr string, tick <-chan time.Time) bool {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	for m.open.Load() {
		if _, err := conn.Write([]byte("\r\n\r\n")); errors.Is(err, syscall.ECONNREFUSED) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick:
		}
	}
	return false
}

// addrsPeriod is how often each address of the own SIP server is asked.
const addrsPeriod = 30 * time.Second

// watchAddrs warns of an address at which the own SIP server does not answer
// while it does at another one: a caller that tries that one first waits for the
// 32 seconds of RFC 3261 §17.1.1.2 (Timer B).
func (m *Monitor) watchAddrs(ctx context.Context) {
	if len(m.cfg.Addrs) < 2 || len(m.cfg.SIP) == 0 {
		return
	}
	silent := make([]int, len(m.cfg.Addrs)) // questions in a row without an answer
	tick := time.NewTicker(addrsPeriod)
	defer tick.Stop()
	for {
		m.compareAddrs(ctx, silent)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// warnAt is the number of unanswered questions in a row that is no accident.
const warnAt = 2

// compareAddrs asks each address once.
func (m *Monitor) compareAddrs(ctx context.Context, silent []int) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	answers := make([]chan error, len(silent))
	for i, a := range m.cfg.Addrs {
		answers[i] = make(chan error, 1)
		go func() { answers[i] <- m.askAt(ctx, a) }()
	}
	errs, answered := make([]error, len(silent)), false
	for i := range answers {
		errs[i] = <-answers[i]
		answered = answered || errs[i] == nil
	}
	if !answered { // the server as a whole is for followAMI and followSIP
		return
	}
	for i, err := range errs {
		switch a := m.cfg.Addrs[i]; {
		case err == nil && silent[i] >= warnAt:
			m.cfg.Logger.Info("SIP server answers at this address again", "address", a)
			silent[i] = 0
		case err == nil:
			silent[i] = 0
		default:
			if silent[i]++; silent[i] == warnAt {
				m.cfg.Logger.Warn("SIP server does not answer at this address, which is published", "address", a, "why", err,
					"remedy", "give the SIP server a transport on it, or take it out of the address line: a caller that tries it first waits 32 s")
			}
		}
	}
}
