package amitest

import (
	"net"
	"strings"
)

// answerOptions answers SIP OPTIONS (RFC 3261 §11) with 200 until pc closes.
func answerOptions(pc net.PacketConn) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply := optionsReply(string(buf[:n])); reply != "" {
			_, _ = pc.WriteTo([]byte(reply), from)
		}
	}
}

// optionsReply copies what a response has to repeat (RFC 3261 §8.2.6.2).
func optionsReply(msg string) string {
	lines := strings.Split(msg, "\r\n")
	if !strings.HasPrefix(lines[0], "OPTIONS ") {
		return ""
	}
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, line := range lines[1:] {
		if line == "" {
			break
		}
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "to", "t":
			if !strings.Contains(line, ";tag=") {
				line += ";tag=amitest"
			}
			b.WriteString(line + "\r\n")
		case "via", "v", "from", "f", "call-id", "i", "cseq":
			b.WriteString(line + "\r\n")
		}
	}
	b.WriteString("Server: Asterisk PBX\r\nAllow: OPTIONS, INVITE, ACK, BYE, CANCEL, REGISTER\r\nContent-Length: 0\r\n\r\n")
	return b.String()
}
