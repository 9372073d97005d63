package tsig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestParseKey(t *testing.T) {
	for _, text := range []string{
		`key "transfer" { algorithm hmac-sha256; secret "WCtykfQDUXxIDu2z//3LQh0WcoyJXhLo64ZcA47RNHY="; };`,
		"// a key\n# by tsig-keygen\nkey transfer. {\n\talgorithm \"HMAC-SHA256\"; // strong\n\tsecret WCtykfQDUXxIDu2z//3LQh0WcoyJXhLo64ZcA47RNHY=;\n};\n",
	} {
		k, err := ParseKey(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if k.Name != "transfer." || k.Algorithm != dns.HmacSHA256 || k.Secret != "WCtykfQDUXxIDu2z//3LQh0WcoyJXhLo64ZcA47RNHY=" {
			t.Errorf("%s: got %+v", text, k)
		}
	}
}

func TestReadKeyMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "transfer.key")
	for text, want := range map[string]string{
		"":                            "no key statement; want: key",
		`key "a" { secret "eA=="; };`: "no algorithm or no secret",
		`key "a" { algorithm hmac-md5; secret "eA=="; };`: `algorithm "hmac-md5" is not one of`,
		`key "a" { algorithm hmac-sha256; secret "x"; };`: "secret is not base64",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKey(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: got %v, want …%s", text, err, want)
		}
	}
}
