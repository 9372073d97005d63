package record

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Version names one state of a home zone. The epoch changes when a home
// starts without its data; a serial has a meaning only within it.
type Version struct {
	Epoch  string // 16 hexadecimal digits, "" for none
	Serial uint32
}

// NewEpoch returns a random epoch.
func NewEpoch() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Newer reports whether serial a is newer than b (RFC 1982 §3.2).
func Newer(a, b uint32) bool { return a != b && int32(a-b) > 0 }

// SOA returns the SOA of the home zone apex at version v. The epoch stands in
// the RNAME, so that every SOA of a heartbeat or a transfer tells it.
func (v Version) SOA(apex, origin string, ttl uint32) *dns.SOA {
	node, _, _ := strings.Cut(apex, ".")
	return &dns.SOA{
		Hdr:  dns.RR_Header{Name: apex, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl},
		Ns:   NodeName(node, origin),
		Mbox: "epoch-" + v.Epoch + ".hostmaster." + origin, Serial: v.Serial,
		Refresh: SOARefresh, Retry: SOARetry, Expire: SOAExpire, Minttl: ttl,
	}
}

// VersionOf is the reverse of Version.SOA.
func VersionOf(soa *dns.SOA) Version {
	label, _, _ := strings.Cut(soa.Mbox, ".")
	epoch, _ := strings.CutPrefix(strings.ToLower(label), "epoch-")
	return Version{Epoch: epoch, Serial: soa.Serial}
}

// The SOA timers, in seconds: NOTIFY and the heartbeat keep secondaries
// level, these are the backstop (RFC 1035 §3.3.13).
const (
	SOARefresh = 60
	SOARetry   = 10
	SOAExpire  = 7 * 24 * 3600
)

// Expire is how long a home zone that cannot be refreshed still answers.
const Expire = SOAExpire * time.Second

// NodeName returns the owner name of a node's addresses.
func NodeName(node, origin string) string { return node + ".nodes." + origin }
