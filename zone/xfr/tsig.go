package xfr

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// fudge is the clock difference that a TSIG tolerates, in seconds.
const fudge = 300

// chain signs or verifies the messages of one exchange, each on top of the one
// before (RFC 8945 §5.3.1), over their octets as they are on the wire. Not
// safe for concurrent use.
type chain struct {
	*ready
	mac    []byte // of the message before, nil before a request
	timers bool   // the first answer was signed or verified
}

// ready is a key as signing needs it.
type ready struct {
	key  Key
	sums sync.Pool // of hash.Hash
	name []byte    // of the key, and of its algorithm, as they are on the wire
	alg  []byte
}

// keys are those that were used, ready ones by what they are made of.
var keys sync.Map

// newChain begins with a request, or with the answer to one that had this MAC.
func newChain(key *Key, mac []byte) (*chain, error) {
	if r, ok := keys.Load(*key); ok {
		return &chain{ready: r.(*ready), mac: mac}, nil
	}
	secret, err := base64.StdEncoding.DecodeString(key.Secret)
	if err != nil {
		return nil, fmt.Errorf("secret of key %s: %w", key.Name, err)
	}
	sums := map[string]func() hash.Hash{dns.HmacSHA1: sha1.New, dns.HmacSHA224: sha256.New224,
		dns.HmacSHA256: sha256.New, dns.HmacSHA384: sha512.New384, dns.HmacSHA512: sha512.New}
	f := sums[dns.CanonicalName(key.Algorithm)]
	if f == nil {
		return nil, fmt.Errorf("key %s: %w", key.Name, dns.ErrKeyAlg)
	}
	r := &ready{key: *key}
	r.sums.New = func() any { return hmac.New(f, secret) }
	if r.name, err = wireName(dns.CanonicalName(key.Name)); err == nil {
		r.alg, err = wireName(dns.CanonicalName(key.Algorithm))
	}
	if err != nil {
		return nil, fmt.Errorf("name of key %s: %w", key.Name, err)
	}
	keys.Store(*key, r)
	return &chain{ready: r, mac: mac}, nil
}

func wireName(name string) ([]byte, error) {
	var b [256]byte
	n, err := dns.PackDomainName(name, b[:], 0, nil, false)
	return bytes.Clone(b[:n]), err
}

// digest is the MAC of a message without its TSIG (RFC 8945 §4.3.3).
func (c *chain) digest(msg []byte, t *dns.TSIG) []byte {
	sum := c.sums.Get().(hash.Hash)
	defer c.sums.Put(sum)
	sum.Reset()
	var room [512]byte
	if c.mac != nil {
		sum.Write(append(binary.BigEndian.AppendUint16(room[:0], uint16(len(c.mac))), c.mac...))
	}
	sum.Write(binary.BigEndian.AppendUint16(room[:0], t.OrigId))
	sum.Write(msg[2:])
	b := room[:0]
	if !c.timers {
		b = append(b, c.name...)
		b = binary.BigEndian.AppendUint16(b, dns.ClassANY)
		b = binary.BigEndian.AppendUint32(b, t.Hdr.Ttl)
		b = append(b, c.alg...)
	}
	b = appendTime(b, t.TimeSigned)
	b = binary.BigEndian.AppendUint16(b, t.Fudge)
	if !c.timers {
		b = binary.BigEndian.AppendUint16(b, t.Error)
		other, _ := hex.DecodeString(t.OtherData)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(other))), other...)
	}
	sum.Write(b)
	return sum.Sum(nil)
}

// sign appends a TSIG to a message.
func (c *chain) sign(msg []byte, now time.Time) []byte {
	id := binary.BigEndian.Uint16(msg)
	t := &dns.TSIG{Hdr: dns.RR_Header{Name: c.key.Name}, Algorithm: c.key.Algorithm,
		TimeSigned: uint64(now.Unix()), Fudge: fudge, OrigId: id}
	answer := c.mac != nil
	c.mac = c.digest(msg, t)
	c.timers = answer
	msg = append(msg, c.name...)
	msg = binary.BigEndian.AppendUint16(msg, dns.TypeTSIG)
	msg = binary.BigEndian.AppendUint16(msg, dns.ClassANY)
	msg = append(msg, 0, 0, 0, 0, 0, 0) // TTL, RDLENGTH
	start := len(msg)
	msg = append(msg, c.alg...)
	msg = appendTime(msg, t.TimeSigned)
	msg = binary.BigEndian.AppendUint16(msg, fudge)
	msg = append(binary.BigEndian.AppendUint16(msg, uint16(len(c.mac))), c.mac...)
	msg = binary.BigEndian.AppendUint16(msg, id)
	msg = append(msg, 0, 0, 0, 0) // error, other
	binary.BigEndian.PutUint16(msg[start-2:], uint16(len(msg)-start))
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1)
	return msg
}

var errUnsigned = errors.New("unsigned")

// verify checks the TSIG of an answer and takes it off. The message is
// changed; what it returns is a part of it.
func (c *chain) verify(msg []byte, now time.Time) ([]byte, error) {
	off, ok := lastRecord(msg)
	if !ok {
		return nil, errUnsigned
	}
	rr, end, err := dns.UnpackRR(msg, off)
	t, ok := rr.(*dns.TSIG)
	switch {
	case err != nil || !ok || end != len(msg):
		return nil, errUnsigned
	case msg[3]&15 == dns.RcodeNotAuth && t.Error != dns.RcodeBadTime:
		return nil, dns.ErrAuth
	case dns.CanonicalName(t.Hdr.Name) != c.key.Name:
		return nil, dns.ErrSecret
	case dns.CanonicalName(t.Algorithm) != dns.CanonicalName(c.key.Algorithm):
		return nil, dns.ErrKeyAlg
	}
	mac, err := hex.DecodeString(t.MAC)
	if err != nil {
		return nil, dns.ErrSig
	}
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])-1)
	if msg = msg[:off]; !hmac.Equal(mac, c.digest(msg, t)) {
		return nil, dns.ErrSig
	}
	if t.Error == dns.RcodeBadTime {
		if at, ok := serverTime(t); ok && msg[3]&15 == dns.RcodeNotAuth && c.mac != nil && !c.timers {
			return nil, at
		}
		return nil, dns.ErrAuth
	}
	if d := now.Unix() - int64(t.TimeSigned); max(d, -d) > int64(t.Fudge) {
		return nil, badTime{time.Unix(int64(t.TimeSigned), 0)} // signed for this request: no replay
	}
	c.mac, c.timers = mac, true
	return msg, nil
}

// lastRecord returns where the last record of a message begins, if it has an
// additional one.
func lastRecord(msg []byte) (off int, ok bool) {
	if len(msg) < headerSize || binary.BigEndian.Uint16(msg[10:]) == 0 {
		return 0, false
	}
	if off, ok = skipQuestions(msg); !ok {
		return 0, false
	}
	records := -1
	for i := 6; i < headerSize; i += 2 {
		records += int(binary.BigEndian.Uint16(msg[i:]))
	}
	for range records {
		if off, ok = skipName(msg, off); !ok || off+10 > len(msg) {
			return 0, false
		}
		off += 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
	}
	return off, off < len(msg)
}

// skipQuestions returns the offset behind the question section of a message that
// has a header.
func skipQuestions(msg []byte) (off int, ok bool) {
	off = headerSize
	for range binary.BigEndian.Uint16(msg[4:]) {
		if off, ok = skipName(msg, off); !ok || off+4 > len(msg) {
			return 0, false
		}
		off += 4
	}
	return off, true
}

// skipName returns the offset behind the name at off.
func skipName(msg []byte, off int) (int, bool) {
	for off < len(msg) {
		switch n := int(msg[off]); {
		case n == 0:
			return off + 1, true
		case n >= 0xC0:
			return off + 2, true
		default:
			off += 1 + n
		}
	}
	return 0, false
}

func appendTime(b []byte, t uint64) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, uint16(t>>32)), uint32(t))
}
