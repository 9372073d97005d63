package federation

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"
)

// portInterval is how often the own Asterisk's SIP port is tried.
const portInterval = 200 * time.Millisecond

// watchPort notices when the own Asterisk closes its SIP port, which a stop
// does about half a second before AMI announces it. It sends the keep-alive
// of RFC 5626 §3.5.1, which a SIP server drops without a word, and waits for
// the kernel to refuse it; only where OPTIONS has been answered before does a
// refusal mean anything.
func (m *monitor) watchPort() {
	addr := ""
	for _, t := range m.r.cfg.OwnSIP {
		if t.Proto == "udp" {
			addr = net.JoinHostPort(m.r.cfg.Listen[0].String(), strconv.Itoa(int(t.Port)))
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
		case <-m.r.ctx.Done():
			return
		case <-tick.C:
		}
		if m.open.Load() && m.refused(addr, tick.C) {
			m.open.Store(false)
			select {
			case m.closed <- struct{}{}:
			default:
			}
		}
	}
}

// refused sends keep-alives as long as the port is open, and reports whether
// it was closed; the kernel tells so at the next one.
func (m *monitor) refused(addr string, tick <-chan time.Time) bool {
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
		case <-m.r.ctx.Done():
			return false
		case <-tick:
		}
	}
	return false
}
