package location

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What may stand in a record is decided here, for those who publish and for
// those who receive: a record that one node lets out and another refuses would
// be missing on the second without anybody noticing.

// MaxString is the most octets of a character-string (RFC 1035 §3.3). A
// binding or a node is published as strings of the form key=value.
const MaxString = 255

// checkText reports why key=val cannot be published: it is longer than a
// character-string, is not UTF-8, or has characters that change what a terminal
// or a phone shows around it (controls, line separators, and formats such as
// the bidirectional overrides, Unicode's category Cf).
func checkText(key, val string) error {
	switch n := len(key) + 1 + len(val); {
	case n > MaxString:
		return fmt.Errorf("%s=%s… has %d octets: a string of a record has at most %d", key, head(val), n, MaxString)
	case !utf8.ValidString(val):
		return fmt.Errorf("%s=%q is not UTF-8", key, head(val))
	}
	if i := strings.IndexFunc(val, invisible); i >= 0 {
		r, _ := utf8.DecodeRuneInString(val[i:])
		return fmt.Errorf("%s=%q has the character %U, which is not shown, but changes how the text is shown", key, head(val), r)
	}
	return nil
}

// CheckWord is checkText for values that programs read: visible ASCII without
// quotes and backslashes.
func CheckWord(key, val string) error {
	if err := checkText(key, val); err != nil {
		return err
	}
	for i := range len(val) {
		if c := val[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Errorf("%s=%q: want one word of visible ASCII characters, without quotes and backslashes", key, head(val))
		}
	}
	return nil
}

func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// head returns enough of a text to recognise it in an error.
func head(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
