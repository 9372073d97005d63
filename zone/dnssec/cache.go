package dnssec

import (
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// The validity of a signature. It begins an hour or more back, for askers whose
// clock is slow, at times that all questions of six hours share, so that a
// signature is made once for all of them.
const (
	quantum  = 6 * time.Hour
	before   = time.Hour
	validity = 7 * 24 * time.Hour
)

// cacheSize is how many signatures are kept at most, twice: those in use since
// the cache was last full, and those before.
const cacheSize = 50_000

// cache keeps signatures by what they sign and with which key. Equal questions
// at once make one signature.
type cache struct {
	limit       int
	asked, made atomic.Int64

	mu       sync.Mutex
	now, old map[digest]*slot
}

type digest [sha256.Size]byte

type slot struct {
	once sync.Once
	sig  *dns.RRSIG
	err  error
}

func newCache(limit int) *cache { return &cache{limit: limit, now: map[digest]*slot{}} }

// signature returns a signature that the caller may change the owner of.
func (c *cache) signature(set []dns.RR, k *Key, now time.Time) (*dns.RRSIG, error) {
	c.asked.Add(1)
	from := now.Truncate(quantum)
	d, err := digestOf(set, k, from)
	if err != nil {
		return nil, err
	}
	s := c.slot(d)
	s.once.Do(func() {
		c.made.Add(1)
		s.sig, s.err = fresh(set, k, from)
	})
	if s.err != nil {
		return nil, s.err
	}
	sig := *s.sig
	return &sig, nil
}

func (c *cache) slot(d digest) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.now[d]; s != nil {
		return s
	}
	s := c.old[d]
	if s == nil {
		s = new(slot)
	}
	if len(c.now) >= c.limit {
		c.old, c.now = c.now, make(map[digest]*slot, c.limit)
	}
	c.now[d] = s
	return s
}

// digestOf stands for an RRset, whatever the order of its records and the case
// of its owner.
func digestOf(set []dns.RR, k *Key, from time.Time) (digest, error) {
	var room [512]byte
	wires := make([]string, len(set))
	for i, rr := range set {
		n := dns.Len(rr)
		buf := room[:]
		if n > len(buf) {
			buf = make([]byte, n+1)
		}
		if h := rr.Header(); h.Name != dns.CanonicalName(h.Name) {
			rr = dns.Copy(rr)
			rr.Header().Name = dns.CanonicalName(h.Name)
		}
		end, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			return digest{}, err
		}
		wires[i] = string(buf[:end])
	}
	slices.Sort(wires)
	h := sha256.New()
	h.Write([]byte{k.Algorithm, byte(k.tag >> 8), byte(k.tag), byte(k.Flags)})
	h.Write([]byte(from.Format(time.RFC3339)))
	for _, w := range wires {
		h.Write([]byte(w))
	}
	return digest(h.Sum(nil)), nil
}

// fresh makes the signature of an RRset (RFC 4034 §3.1.8.1).
func fresh(set []dns.RR, k *Key, from time.Time) (*dns.RRSIG, error) {
	h := set[0].Header()
	sig := &dns.RRSIG{
		Hdr:         header(dns.CanonicalName(h.Name), dns.TypeRRSIG, h.Ttl),
		TypeCovered: h.Rrtype, Algorithm: k.Algorithm, KeyTag: k.tag, SignerName: k.Hdr.Name, OrigTtl: h.Ttl,
		Inception: uint32(from.Add(-before).Unix()), Expiration: uint32(from.Add(validity).Unix()),
	}
	return sig, sig.Sign(k.signer, set)
}
