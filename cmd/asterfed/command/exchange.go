package command

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Exchange asks over UDP, and over TCP if the answer is truncated.
func Exchange(server, qname string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	m.SetEdns0(1232, false)
	r, _, err := (&dns.Client{Timeout: askLimit}).Exchange(m, server)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Net: "tcp", Timeout: askLimit}).Exchange(m, server)
	}
	if err != nil {
		return nil, Unreachable(server, err)
	}
	return r, nil
}

// askLimit is how long a node may take to answer a question that it answers from
// memory.
const askLimit = 2 * time.Second

// Unreachable says which node does not answer, and how it fails.
func Unreachable(server string, err error) error {
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		return fmt.Errorf("no answer from %s in time: is asterfed serving there, and does a packet filter let port 53 through?", server)
	}
	return fmt.Errorf("no answer from %s: %w (is asterfed serving there?)", server, err)
}

// Unescaped takes out of a string the escapes of RFC 1035 §5.1, which the library
// puts in.
func Unescaped(s string) string {
	if !strings.Contains(s, `\`) {
		return Clean(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		i++
		b.WriteByte(s[i])
	}
	return Clean(b.String())
}
