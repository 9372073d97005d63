package update

import (
	"fmt"

	"github.com/miekg/dns"
)

// Refusal is the error of an UPDATE that changes nothing.
type Refusal struct {
	Rcode int // RFC 2136 §2.2, RFC 8945 §3
	Text  string
}

// Error returns the reason, without the rcode's name.
func (r *Refusal) Error() string { return r.Text }

func refuse(rcode int, format string, args ...any) *Refusal {
	return &Refusal{rcode, fmt.Sprintf(format, args...)}
}

func formErr(format string, args ...any) error { return refuse(dns.RcodeFormatError, format, args...) }
func refused(format string, args ...any) error { return refuse(dns.RcodeRefused, format, args...) }
