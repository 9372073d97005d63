package location

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Stamp is the time of a claim by a hybrid logical clock: milliseconds since
// 1970 in the upper 48 bits, a counter in the lower 16. Zero means that no
// REGISTER was ever seen. Stamps of one home never repeat.
type Stamp uint64

// Time returns the wall clock part.
func (s Stamp) Time() time.Time { return time.UnixMilli(int64(s >> 16)) }

// StampAt returns the first stamp of a time.
func StampAt(t time.Time) Stamp { return Stamp(max(0, t.UnixMilli())) << 16 }

// String returns 16 hexadecimal digits.
func (s Stamp) String() string { return hex16(uint64(s)) }

// Append appends what String returns.
func (s Stamp) Append(b []byte) []byte { return appendHex16(b, uint64(s)) }

// ParseStamp is the reverse of Stamp.String.
func ParseStamp(s string) (Stamp, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) > 16 {
		return 0, fmt.Errorf("stamp %q: want up to 16 hexadecimal digits", s)
	}
	return Stamp(n), nil
}

// MaxSkew is how far a stamp of another home may drag this home's clock
// forward. One beyond it does not spread, and ranks as of when it came.
const MaxSkew = time.Minute

// Clock issues stamps. The zero value is not usable; see NewClock. Safe for
// concurrent use.
type Clock struct {
	now  func() time.Time
	mu   sync.Mutex
	last Stamp
}

// NewClock returns a clock on top of the wall clock now.
func NewClock(now func() time.Time) *Clock { return &Clock{now: now} }

func (c *Clock) wall() Stamp { return Stamp(c.now().UnixMilli()) << 16 }

// Next returns a stamp above every one issued or observed before, and above
// seen, the newest stamp that the caller knows for the same AOR, unless that one
// lies beyond MaxSkew.
func (c *Clock) Next(seen Stamp) Stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(c.wall(), c.last+1)
	if seen >= c.last && seen.Time().Sub(c.now()) < MaxSkew {
		c.last = seen + 1
	}
	return c.last
}

// Mark returns a stamp above every one issued or observed before, and below
// those that will be issued by who has observed these. The wall clock does not
// count.
func (c *Clock) Mark() Stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last + 1
}

// ObserveAll is Observe for many bindings. It returns how many of them have a
// stamp that lies beyond MaxSkew, and the first of these.
func (c *Clock) ObserveAll(all []Binding) (ahead int, first Binding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := Stamp(c.now().Add(MaxSkew).UnixMilli()+1) << 16
	for i := range all {
		switch s := all[i].Stamp; {
		case s < most:
			c.last = max(c.last, s)
		case ahead == 0:
			first = all[i]
			fallthrough
		default:
			ahead++
		}
	}
	return ahead, first
}

// Observe takes note of a stamp issued elsewhere. It reports whether the
// stamp lies within MaxSkew of the wall clock; one that does not is ignored.
func (c *Clock) Observe(s Stamp) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Time().Sub(c.now()) > MaxSkew {
		return false
	}
	c.last = max(c.last, s)
	return true
}

// hex16 writes n as 16 hexadecimal digits.
func hex16(n uint64) string {
	var b [16]byte
	return string(appendHex16(b[:0], n))
}

func appendHex16(b []byte, n uint64) []byte {
	var text [16]byte
	for i := range text {
		text[i] = "0123456789abcdef"[n>>60]
		n <<= 4
	}
	return append(b, text[:]...)
}

// Hex16 reads exactly 16 hexadecimal digits in lower case, as identities and
// stamps are written.
func Hex16[T string | []byte](s T) (n uint64, ok bool) {
	if len(s) != 16 {
		return 0, false
	}
	for i := range 16 {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n = n<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
