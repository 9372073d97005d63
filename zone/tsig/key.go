package tsig

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/miekg/dns"
)

// Key is a TSIG key (RFC 8945).
type Key struct {
	Name      string // lower-case FQDN
	Algorithm string // dns.HmacSHA256 and so on
	Secret    string // base64
}

var (
	keyStatement = regexp.MustCompile(`(?s)key\s+"?([^\s"{]+)"?\s*\{(.*?)\}\s*;?`)
	keyAlgorithm = regexp.MustCompile(`algorithm\s+"?([A-Za-z0-9.-]+)"?\s*;`)
	keySecret    = regexp.MustCompile(`secret\s+"?([A-Za-z0-9+/=]+)"?\s*;`)
	keyComment   = regexp.MustCompile(`(?m)(^|\s)(//|#).*$`) // base64 holds // too
)

var algorithms = map[string]string{
	"hmac-sha1": dns.HmacSHA1, "hmac-sha224": dns.HmacSHA224, "hmac-sha256": dns.HmacSHA256,
	"hmac-sha384": dns.HmacSHA384, "hmac-sha512": dns.HmacSHA512,
}

// ReadKey reads the first key statement of a file in BIND's syntax, the one
// that dig -k, nsupdate -k and tsig-keygen use. Errors name the file and what
// it lacks.
func ReadKey(path string) (*Key, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read TSIG key: %w", err)
	}
	k, err := ParseKey(string(raw))
	if err != nil {
		return nil, fmt.Errorf("read TSIG key %s: %w", path, err)
	}
	return k, nil
}

// ParseKey reads a key statement in BIND's syntax.
func ParseKey(text string) (*Key, error) {
	const want = `want: key "name" { algorithm hmac-sha256; secret "base64"; }; (tsig-keygen makes one)`
	m := keyStatement.FindStringSubmatch(keyComment.ReplaceAllString(text, ""))
	if m == nil {
		return nil, fmt.Errorf("no key statement; %s", want)
	}
	alg := keyAlgorithm.FindStringSubmatch(m[2])
	secret := keySecret.FindStringSubmatch(m[2])
	if alg == nil || secret == nil {
		return nil, fmt.Errorf("key %q has no algorithm or no secret; %s", m[1], want)
	}
	name, ok := algorithms[strings.TrimSuffix(strings.ToLower(alg[1]), ".")]
	if !ok {
		return nil, fmt.Errorf("key %q: algorithm %q is not one of hmac-sha1, -sha224, -sha256, -sha384, -sha512", m[1], alg[1])
	}
	if b, err := base64.StdEncoding.DecodeString(secret[1]); err != nil || len(b) == 0 {
		return nil, fmt.Errorf("key %q: secret is not base64", m[1])
	}
	return &Key{Name: dns.CanonicalName(m[1]), Algorithm: name, Secret: secret[1]}, nil
}
