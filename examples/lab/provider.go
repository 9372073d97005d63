package lab

import (
	"fmt"
	"net"
	"strings"
	"sync"
)

// Provider is a SIP provider in the phones' namespace: it takes registrations,
// says that it is alive, and answers every call (RFC 3261 §8.2). It speaks UDP.
type Provider struct {
	Address string // "10.88.0.100:5099"

	conn  net.PacketConn
	done  chan struct{}
	mu    sync.Mutex
	calls []string // the user parts of the Request-URIs, one for each call
	seen  map[string]bool
}

// Provider starts a provider at a port of PhoneAddress. The caller must Stop it.
func (l *Lab) Provider(port string) (*Provider, error) {
	p := &Provider{Address: net.JoinHostPort(PhoneAddress, port), done: make(chan struct{}), seen: map[string]bool{}}
	var err error
	if p.conn, err = l.ListenUDP(p.Address); err != nil {
		return nil, err
	}
	go p.serve()
	return p, nil
}

// Stop ends the provider: from then on nobody answers there.
func (p *Provider) Stop() {
	_ = p.conn.Close()
	<-p.done
}

// Calls returns whom the calls so far were for, as in their Request-URIs.
func (p *Provider) Calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...)
}

func (p *Provider) serve() {
	defer close(p.done)
	buf := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := p.answer(string(buf[:n])); answer != "" {
			_, _ = p.conn.WriteTo([]byte(answer), from)
		}
	}
}

// answer returns the response to a request, empty for none.
func (p *Provider) answer(request string) string {
	head, _, _ := strings.Cut(request, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	if method == "ACK" || strings.HasPrefix(lines[0], "SIP/2.0") {
		return ""
	}
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "from", "cseq", "call-id", "record-route":
			b.WriteString(line + "\r\n")
		case "to":
			if !strings.Contains(value, ";tag=") {
				line += ";tag=provider"
			}
			b.WriteString(line + "\r\n")
		case "contact", "expires":
			if method == "REGISTER" {
				b.WriteString(line + "\r\n")
			}
		}
		if strings.EqualFold(name, "call-id") && method == "INVITE" {
			p.called(value, rest)
		}
	}
	if method != "INVITE" {
		return b.String() + "Content-Length: 0\r\n\r\n"
	}
	host, _, _ := net.SplitHostPort(p.Address)
	sdp := fmt.Sprintf("v=0\r\no=p 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", host)
	return b.String() + fmt.Sprintf("Contact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", p.Address, len(sdp), sdp)
}

// called notes the user part of "sip:USER@HOST SIP/2.0", once for each call.
func (p *Provider) called(id, uri string) {
	user, _, _ := strings.Cut(strings.TrimPrefix(uri, "sip:"), "@")
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.seen[id] {
		p.seen[id] = true
		p.calls = append(p.calls, user)
	}
}
