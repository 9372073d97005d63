package tsig

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

// Fudge is the clock difference that a TSIG tolerates, in seconds (RFC 8945 §10).
const Fudge = 300

// Chain signs or verifies the messages of one exchange, each on top of the one
// before (RFC 8945 §5.3.1), over their octets as they are on the wire. Not
// safe for concurrent use.
type Chain struct {
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

// New begins with a request, or with the answer to a request that had this MAC.
func New(key *Key, mac []byte) (*Chain, error) {
	if r, ok := keys.Load(*key); ok {
		return &Chain{ready: r.(*ready), mac: mac}, nil
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
	return &Chain{ready: r, mac: mac}, nil
}

func wireName(name string) ([]byte, error) {
	var b [256]byte
	n, err := dns.PackDomainName(name, b[:], 0, nil, false)
	return bytes.Clone(b[:n]), err
}

// digest is the MAC of a message without its TSIG (RFC 8945 §4.3.3).
func (c *Chain) digest(msg []byte, t *dns.TSIG) []byte {
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

// Sign appends a TSIG to a message. It appends to msg, as append does.
func (c *Chain) Sign(msg []byte, now time.Time) []byte {
	id := binary.BigEndian.Uint16(msg)
	t := &dns.TSIG{Hdr: dns.RR_Header{Name: c.key.Name}, Algorithm: c.key.Algorithm,
		TimeSigned: uint64(now.Unix()), Fudge: Fudge, OrigId: id}
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
	msg = binary.BigEndian.AppendUint16(msg, Fudge)
	msg = append(binary.BigEndian.AppendUint16(msg, uint16(len(c.mac))), c.mac...)
	msg = binary.BigEndian.AppendUint16(msg, id)
	msg = append(msg, 0, 0, 0, 0) // error, other
	binary.BigEndian.PutUint16(msg[start-2:], uint16(len(msg)-start))
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1)
	return msg
}

// ErrUnsigned is the error of a message without a TSIG.
var ErrUnsigned = errors.New("unsigned")

// Verify checks the TSIG of an answer and removes it. The message is changed; the
// result is a part of it. Errors are ErrUnsigned, a TimeError, or those of package
// dns.
func (c *Chain) Verify(msg []byte, now time.Time) ([]byte, error) {
	off, ok := lastRecord(msg)
	if !ok {
		return nil, ErrUnsigned
	}
	rr, end, err := dns.UnpackRR(msg, off)
	t, ok := rr.(*dns.TSIG)
	switch {
	case err != nil || !ok || end != len(msg):
		return nil, ErrUnsigned
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
		return nil, TimeError{time.Unix(int64(t.TimeSigned), 0)} // signed for this request: no replay
	}
	c.mac, c.timers = mac, true
	return msg, nil
}

func appendTime(b []byte, t uint64) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, uint16(t>>32)), uint32(t))
}
