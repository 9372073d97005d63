package location

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// AOR is the user part of an address-of-record (RFC 3261 §6) as its registrar
// spells it: "1001", "alice", "alice.smith", "+97231234000". Two AORs that
// differ in case only are one name in DNS (RFC 4343); Fold gives that name.
type AOR string

// MaxAOR is the longest AOR that still fits an owner name below
// "users.<node>.homes.<zone>" with room for two SRV labels (RFC 1035 §2.3.4).
const MaxAOR = 120

// ParseAOR checks that s may be published. The text of an AOR ends up in
// Dial() on other servers, where "&" and "," would start calls of their own,
// so that everything but letters, digits, ".", "_", "+" and "-" is refused.
// Labels are non-empty, at most 63 octets (RFC 1035 §2.3.4), and do not begin
// with "_", which RFC 2782 owner names use.
func ParseAOR(s string) (AOR, error) {
	if s == "" || len(s) > MaxAOR {
		return "", fmt.Errorf("AOR %q has %d octets: want 1 to %d", s, len(s), MaxAOR)
	}
	label := 0 // where it begins
	for i := 0; i <= len(s); i++ {
		switch {
		case i < len(s) && s[i] != '.':
			if !aorChar(s[i]) {
				r, _ := utf8.DecodeRuneInString(s[i:])
				return "", fmt.Errorf("AOR %q holds %q: only letters, digits and . _ + - of ASCII can be published", s, r)
			}
		case i == label || i-label > 63 || s[label] == '_':
			return "", fmt.Errorf("AOR %q: label %q is empty, longer than 63 octets or begins with an underscore", s, s[label:i])
		default:
			label = i + 1
		}
	}
	return AOR(s), nil
}

func aorChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '+' || c == '-'
}

// Fold returns the AOR in lower case, the form under which names compare.
func (a AOR) Fold() string { return strings.ToLower(string(a)) }

// Number returns the digits under which the AOR stands in the ENUM tree
// (RFC 6116 §3.2) and whether it is a number at all: digits, with or without
// a leading "+".
func (a AOR) Number() (digits string, ok bool) {
	s := strings.TrimPrefix(string(a), "+")
	if s == "" || len(s) > 32 {
		return "", false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return "", false
		}
	}
	return s, true
}
