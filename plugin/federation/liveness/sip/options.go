package sip

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// user is the user part of From: the federation's account, which every node's
// Asterisk knows. A stranger's OPTIONS would be logged as an attack and end
// up in fail2ban.
const user = "fed"

// retransmit is how often a request over UDP is repeated, T1 of a LAN rather
// than the 500 ms of RFC 3261 §17.1.2.2.
const retransmit = 150 * time.Millisecond

// Options sends OPTIONS to a SIP server at addr (host:port) over "udp" or
// "tcp" and returns nil as soon as any SIP response comes back. It gives up
// when ctx ends, or at once if the port is closed.
func Options(ctx context.Context, proto, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, proto, addr)
	if err != nil {
		return fmt.Errorf("connect to SIP server: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req := request(proto, addr, conn.LocalAddr().String())
	buf := make([]byte, 4096)
	for {
		if _, err := conn.Write(req); err != nil {
			return fmt.Errorf("send OPTIONS to %s: %w", addr, err)
		}
		if proto == "udp" {
			conn.SetReadDeadline(time.Now().Add(retransmit))
		}
		if ctx.Err() != nil {
			return fmt.Errorf("no answer to OPTIONS from %s: %w", addr, ctx.Err())
		}
		n, err := conn.Read(buf)
		var timeout net.Error
		switch {
		case err == nil && bytes.HasPrefix(buf[:n], []byte("SIP/2.0 ")):
			return nil
		case err == nil:
			return fmt.Errorf("%s answered OPTIONS with something that is not SIP", addr)
		case ctx.Err() != nil:
			return fmt.Errorf("no answer to OPTIONS from %s: %w", addr, ctx.Err())
		case errors.As(err, &timeout) && timeout.Timeout():
			continue
		default:
			return fmt.Errorf("read answer to OPTIONS from %s: %w", addr, err)
		}
	}
}

// Connect returns nil if a TCP connection to addr can be made: all that can be
// asked of a server that takes SIP over TLS only, without a certificate.
func Connect(ctx context.Context, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("connect to SIP server: %w", err)
	}
	return conn.Close()
}

// request is a minimal OPTIONS outside of any dialog (RFC 3261 §11.1).
func request(proto, addr, local string) []byte {
	transport := "UDP"
	if proto == "tcp" {
		transport = "TCP"
	}
	id := rand.Text()
	host, port, _ := net.SplitHostPort(local)
	host, _, _ = strings.Cut(host, "%") // the zone of a link-local address is this machine's affair (RFC 6874 §1)
	local = net.JoinHostPort(host, port)
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // IPv6reference, RFC 3261 §25.1
	}
	return fmt.Appendf(nil, "OPTIONS sip:%[1]s SIP/2.0\r\n"+
		"Via: SIP/2.0/%[2]s %[3]s;rport;branch=z9hG4bK%[4]s\r\n"+
		"Max-Forwards: 70\r\n"+
		"From: <sip:%[5]s@%[6]s>;tag=%[4]s\r\n"+
		"To: <sip:%[1]s>\r\n"+
		"Call-ID: %[4]s\r\n"+
		"CSeq: 1 OPTIONS\r\n"+
		"Contact: <sip:%[5]s@%[3]s>\r\n"+
		"User-Agent: asterfed\r\n"+
		"Content-Length: 0\r\n\r\n", addr, transport, local, id, user, host)
}
