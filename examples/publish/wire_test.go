package publish

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// message is an UPDATE that publishes a number.
func message(t *testing.T, digit string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetUpdate(apex)
	rr, err := dns.NewRR(digit + ".1.e164." + apex + ` 60 IN TXT "k=number"`)
	if err != nil {
		t.Fatal(err)
	}
	m.Insert([]dns.RR{rr})
	return m
}

// signed packs a message with a signature of a time from now.
func signed(t *testing.T, m *dns.Msg, key *tsig.Key, ago time.Duration, fudge uint16) []byte {
	t.Helper()
	m.SetTsig(key.Name, key.Algorithm, fudge, time.Now().Add(-ago).Unix())
	raw, _, err := dns.TsigGenerate(m, key.Secret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// overTCP sends octets over a connection of their own, and returns the answer.
func (n *node) overTCP(t *testing.T, raw []byte) *dns.Msg {
	t.Helper()
	c, err := net.DialTimeout("tcp", n.addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...))
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Fatal(err)
	}
	return parsed(t, answer)
}

// port returns a UDP socket of its own.
func (n *node) port(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", n.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func overUDP(t *testing.T, c net.Conn, raw []byte) *dns.Msg {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	c.Write(raw)
	answer := make([]byte, 4096)
	k, err := c.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, answer[:k])
}

func parsed(t *testing.T, raw []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

// rcode is the answer's, with the error of its signature.
func rcode(m *dns.Msg) string {
	s := dns.RcodeToString[m.Rcode]
	if m.Opcode != dns.OpcodeUpdate || !m.Response {
		s += " that is no answer to an UPDATE"
	}
	if t := m.IsTsig(); t != nil && t.Error != 0 {
		s += " " + dns.RcodeToString[int(t.Error)]
	}
	return s
}

// A message that must not be taken has the right rcode, and nothing changes;
// with the tsig plugin in the chain and without.
func TestBadMessages(t *testing.T) {
	for i, c := range []struct{ name, beside string }{
		{"plain", ""},
		{"tsig", "tsig {\n secret operator. b3BlcmF0b3I=\n }"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			n := l.start(t, "pbx-a", fmt.Sprint("127.0.0.", 191+i), "", c.beside)
			badMessages(t, n)
		})
	}
}

func badMessages(t *testing.T, n *node) {
	key := n.key["update"]
	good := signed(t, message(t, "0"), key, 0, 300)
	if got := rcode(n.overTCP(t, good)); got != "NOERROR" {
		t.Fatalf("a good message: %s", got)
	}
	byUDP := signed(t, message(t, "7"), key, 0, 300)
	port := n.port(t)
	if got := rcode(overUDP(t, port, byUDP)); got != "NOERROR" {
		t.Fatalf("a good message over UDP: %s", got)
	}
	before := n.zone(t)
	if !strings.Contains(before, "0.1.e164."+apex) || !strings.Contains(before, "7.1.e164."+apex) {
		t.Fatalf("the zone is %s", before)
	}
	unsigned, err := message(t, "2").Pack()
	if err != nil {
		t.Fatal(err)
	}
	spoiled := signed(t, message(t, "2"), key, 0, 300)
	spoiled[bytes.Index(spoiled, []byte("k=number"))] ^= 1
	otherID := append([]byte{}, good...)
	otherID[0] ^= 1 // the signature holds the original one
	wrongAlgorithm := *key
	wrongAlgorithm.Algorithm = dns.HmacSHA512
	elsewhere := message(t, "2")
	elsewhere.Question[0].Name = "pbx-b.homes.fed.example."
	big := message(t, "2")
	for i := range 20 {
		big.Ns = append(big.Ns, message(t, fmt.Sprint(i%10, ".", i/10)).Ns...)
	}
	tcp, udp := n.overTCP, func(t *testing.T, raw []byte) *dns.Msg { return overUDP(t, n.port(t), raw) }
	for _, c := range []struct {
		name string
		send func(*testing.T, []byte) *dns.Msg
		raw  []byte
		want string
	}{
		{"unsigned", tcp, unsigned, "REFUSED"},
		{"unsigned over UDP", udp, unsigned, "REFUSED"},
		{"wrong secret", tcp, signed(t, message(t, "2"), n.key["wrong"], 0, 300), "NOTAUTH BADSIG"},
		{"unknown key", tcp, signed(t, message(t, "2"), n.key["unknown"], 0, 300), "NOTAUTH BADKEY"},
		{"spoiled", tcp, spoiled, "NOTAUTH BADSIG"},
		{"too late", tcp, signed(t, message(t, "2"), key, 301*time.Second, 300), "NOTAUTH BADTIME"},
		{"too late, a fudge of hours", tcp, signed(t, message(t, "2"), key, 310*time.Second, 65535), "NOTAUTH BADTIME"},
		{"too early", tcp, signed(t, message(t, "2"), key, -310*time.Second, 300), "NOTAUTH BADTIME"},
		{"before the node began", tcp, signed(t, message(t, "2"), key, 200*time.Second, 300), "NOTAUTH BADTIME"},
		{"replayed", tcp, good, "NOTAUTH BADTIME"},
		{"replayed with another ID", tcp, otherID, "NOTAUTH BADTIME"},
		{"replayed over UDP", udp, good, "NOTAUTH BADTIME"},
		{"sent over UDP, replayed from another port", udp, byUDP, "NOTAUTH BADTIME"},
		{"sent over UDP, replayed over TCP", tcp, byUDP, "NOTAUTH BADTIME"},
		{"the same datagram again", func(t *testing.T, raw []byte) *dns.Msg { return overUDP(t, port, raw) }, byUDP, "NOERROR"},
		{"another algorithm", tcp, signed(t, message(t, "2"), &wrongAlgorithm, 0, 300), "NOTAUTH BADKEY"},
		{"the transfer key", tcp, signed(t, message(t, "2"), n.key["transfer"], 0, 300), "REFUSED"},
		{"another home", tcp, signed(t, elsewhere, key, 0, 300), "NOTAUTH"},
		{"two signatures", tcp, doubled(t, n.key["few"], key), "FORMERR"},
		// The library that listens reads 512 octets and answers as to a query.
		{"over 512 octets by UDP", udp, signed(t, big, key, 0, 300), "FORMERR that is no answer to an UPDATE"},
	} {
		if got := rcode(c.send(t, c.raw)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if after := n.zone(t); after != before {
		t.Errorf("the zone was\n%s\nand is\n%s", before, after)
	}
	if got := rcode(n.overTCP(t, signed(t, big, key, 0, 300))); got != "NOERROR" {
		t.Errorf("the same by TCP: %s", got)
	}
}

// doubled returns a message that is well signed with one key, and names another
// in a second signature behind: who verifies the first and believes the last
// takes the one for the other.
func doubled(t *testing.T, key, pretended *tsig.Key) []byte {
	t.Helper()
	raw, err := message(t, "2").Pack()
	if err != nil {
		t.Fatal(err)
	}
	stamp := func(k *tsig.Key, mac string) []byte {
		rr := &dns.TSIG{Hdr: dns.RR_Header{Name: k.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: k.Algorithm,
			TimeSigned: uint64(time.Now().Unix()), Fudge: 300, MACSize: uint16(len(mac) / 2), MAC: mac, OrigId: binary.BigEndian.Uint16(raw)}
		out := make([]byte, 512)
		n, err := dns.PackRR(rr, out, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		return out[:n]
	}
	raw[11] = 1 // what is left when one of two is taken off
	empty := stamp(key, "")
	name := make([]byte, 64)
	n, err := dns.PackDomainName(key.Name, name, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 8945 §4.3.3: name, class, TTL, then the data without MAC and ID.
	data := empty[n+10:]
	variables := append(append(append([]byte{}, name[:n]...), 0, 255, 0, 0, 0, 0), data[:len(data)-8]...)
	variables = append(variables, 0, 0, 0, 0) // error, other length
	secret, err := base64.StdEncoding.DecodeString(key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, secret)
	h.Write(raw)
	h.Write(variables)
	raw = append(append(raw, stamp(key, hex.EncodeToString(h.Sum(nil)))...), stamp(pretended, "00")...)
	raw[11] = 2
	return raw
}

// A BADTIME answer tells the server's time and is signed (RFC 8945 §5.2.3).
func TestBadTimeTellsTheTime(t *testing.T) {
	l := newLab(t)
	n := l.start(t, "pbx-a", "127.0.0.193", "", "")
	raw := signed(t, message(t, "2"), l.key["update"], time.Hour, 300)
	ts := parsed(t, raw).IsTsig()
	answer := n.overTCP(t, raw).IsTsig()
	if answer == nil || answer.TimeSigned != ts.TimeSigned || answer.OtherLen != 6 || answer.MACSize == 0 {
		t.Fatalf("the answer's signature is %v", answer)
	}
	var now int64
	fmt.Sscanf(answer.OtherData, "%x", &now)
	if d := time.Now().Unix() - now; d < -1 || d > 10 {
		t.Errorf("the server's time is %s, %d s from ours", answer.OtherData, d)
	}
}
