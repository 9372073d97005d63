package record

import (
	"regexp"
	"strconv"
	"strings"
)

// ENUMResult applies the regexp field of a NAPTR to what was dialled, and returns
// the URI (RFC 3402 §3.2, RFC 6116 §3.4.3). The field is as package dns presents
// it, with two backslashes for one. It is false for a field that is no such
// expression, or does not match.
func ENUMResult(naptr, dialled string) (uri string, ok bool) {
	naptr = strings.ReplaceAll(naptr, `\\`, `\`)
	if naptr == "" {
		return "", false
	}
	part := strings.Split(naptr[1:], naptr[:1])
	if len(part) != 3 {
		return "", false
	}
	if strings.Contains(part[2], "i") {
		part[0] = "(?i)" + part[0]
	}
	ere, err := regexp.Compile(part[0])
	if err != nil {
		return "", false
	}
	ere.Longest() // as POSIX has it
	m := ere.FindStringSubmatch(dialled)
	if m == nil {
		return "", false
	}
	return reference.ReplaceAllStringFunc(part[1], func(s string) string {
		if i, _ := strconv.Atoi(s[1:]); i < len(m) {
			return m[i]
		}
		return ""
	}), true
}

var reference = regexp.MustCompile(`\\[0-9]`)
