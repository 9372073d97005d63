//go:build e2e

package bindsecondary

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/operations.md says to write for BIND, NSD and Knot is taken by their
// own checkers, as it stands.
func TestDocumentedSecondaries(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for language, check := range map[string]string{
		"named": "named-checkconf FILE",
		"nsd":   "nsd-checkconf FILE",
		"knot":  "knotc -c FILE conf-check",
	} {
		t.Run(language, func(t *testing.T) {
			block := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindStringSubmatch(string(text))
			if block == nil {
				t.Fatalf("docs/operations.md has no block of %s", language)
			}
			dir := t.TempDir()
			key := filepath.Join(dir, "bind.key")
			if err := os.WriteFile(key, []byte("key \"bind\" { algorithm hmac-sha256; secret \"MDEyMzQ1Njc4OWFiY2RlZg==\"; };\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "conf")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(block[1], "/etc/bind/bind.key", key)), 0o600); err != nil {
				t.Fatal(err)
			}
			args := strings.Fields(strings.ReplaceAll(check, "FILE", file))
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", check, err, out, block[1])
			}
		})
	}
}
