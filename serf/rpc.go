package serf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// listenRPC opens the RPC socket.
func listenRPC(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, listenError("RPC", addr, err)
	}
	return patientListener{ln}, nil
}

// listenError says what could not be opened, and why that is likely.
func listenError(what, addr string, err error) error {
	// memberlist passes the text on, not the error.
	if strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) {
		return fmt.Errorf("listen for Serf %s on %s: %w (another Serf agent?)", what, addr, err)
	}
	return fmt.Errorf("listen for Serf %s on %s: %w", what, addr, err)
}

// patientListener waits a moment after an error, for Serf calls Accept again
// at once and would spin when the process is out of file descriptors.
type patientListener struct{ net.Listener }

// Accept waits for the next connection.
func (l patientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		time.Sleep(50 * time.Millisecond)
	}
	return c, err
}

// loopback reports whether only this machine can reach addr (ip:port).
func loopback(addr string) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Addr().IsLoopback()
}
