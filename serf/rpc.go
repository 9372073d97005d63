package serf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/zone/datadir"
)

// openRPCKey returns the key that clients of Serf's RPC must present. It creates
// file with a random one if there is none.
func openRPCKey(file string) (string, error) {
	key, err := ReadRPCKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := datadir.Replace(file, datadir.Durable, 0o600, datadir.Text(newKey()+"\n")); err != nil {
		return "", fmt.Errorf("create RPC key: %w", err)
	}
	return ReadRPCKey(file)
}

// ReadRPCKey returns the key in file, which is its only line. It refuses a file
// that every user can read or write: the RPC hands out the gossip keys.
func ReadRPCKey(file string) (string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("read RPC key: %w (run this as root or as the user of asterfed)", err)
	}
	if err != nil {
		return "", fmt.Errorf("read RPC key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if len(key) < minRPCKey || strings.ContainsAny(key, " \t\r\n") {
		return "", fmt.Errorf("read RPC key %s: one line of at least %d characters without spaces expected", file, minRPCKey)
	}
	if fi, err := os.Stat(file); err == nil && fi.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("read RPC key %s: every user may read or write it (mode %04o): chmod o= %s", file, fi.Mode().Perm(), file)
	}
	return key, nil
}

const minRPCKey = 16

// listenRPC opens the RPC socket.
func listenRPC(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, listenError("RPC", addr, err)
	}
	return &rpcListener{Listener: ln, slots: make(chan struct{}, maxClients)}, nil
}

// listenError says what could not be opened, and why that is likely.
func listenError(what, addr string, err error) error {
	// memberlist passes the text on, not the error.
	if strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) {
		return fmt.Errorf("listen for Serf %s on %s: %w (another Serf agent?)", what, addr, err)
	}
	return fmt.Errorf("listen for Serf %s on %s: %w", what, addr, err)
}

// Bounds for clients of the RPC, which Serf serves before they present the key.
// The longest request is a query of 1 kB.
const (
	maxClients = 64       // at the same time
	maxRequest = 64 << 10 // octets
)

// rpcListener bounds what clients of the RPC may cost. It also waits a moment
// after an error, for Serf calls Accept again at once and would spin when the
// process is out of file descriptors.
type rpcListener struct {
	net.Listener
	slots chan struct{}
}

// Accept waits for the next connection within the bounds.
func (l *rpcListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				time.Sleep(50 * time.Millisecond)
			}
			return nil, err
		}
		select {
		case l.slots <- struct{}{}:
			return &rpcConn{Conn: c, slots: l.slots}, nil
		default:
			c.Close()
		}
	}
}

// rpcConn is a connection of a client. A request ends when Serf answers it.
type rpcConn struct {
	net.Conn
	slots   chan struct{}
	request atomic.Int64 // octets read since the last answer
	once    sync.Once    // gives the slot back
}

// Read reads until a request becomes too long.
func (c *rpcConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.request.Add(int64(n)) > maxRequest {
		return 0, fmt.Errorf("RPC request of more than %d octets", maxRequest)
	}
	return n, err
}

// Write writes an answer.
func (c *rpcConn) Write(p []byte) (int, error) {
	c.request.Store(0)
	return c.Conn.Write(p)
}

// Close closes the connection.
func (c *rpcConn) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}

// loopback reports whether only this machine can reach addr (ip:port).
func loopback(addr string) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Addr().IsLoopback()
}
