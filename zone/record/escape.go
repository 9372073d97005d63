package record

import "fmt"

// Escape returns s as dns.TXT holds a character-string: octets outside
// printable ASCII as \DDD, quote and backslash behind a backslash (RFC 1035
// §5.1).
func Escape(s string) string {
	for i := range len(s) {
		if special(s[i]) {
			return escaped(s)
		}
	}
	return s
}

func special(c byte) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }

func escaped(s string) string {
	var b []byte
	for i := range len(s) {
		switch c := s[i]; {
		case !special(c):
			b = append(b, c)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = fmt.Appendf(b, "\\%03d", c)
		}
	}
	return string(b)
}

// TextLen returns how many octets a character-string in its escaped form has.
func TextLen(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			continue
		}
		if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
			n, i = n-3, i+3
		} else {
			n, i = n-1, i+1
		}
	}
	return n
}

// unescape is the reverse of Escape.
func unescape(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			if b != nil {
				b = append(b, s[i])
			}
			continue
		}
		if b == nil {
			b = append(make([]byte, 0, len(s)), s[:i]...)
		}
		if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
			b = append(b, (s[i+1]-'0')*100+(s[i+2]-'0')*10+s[i+3]-'0')
			i += 3
			continue
		}
		i++
		b = append(b, s[i])
	}
	if b == nil {
		return s
	}
	return string(b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
