package clock

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The standard library at hand can be given a clock that is set.
func TestOverlayBuilds(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "cmd", "asterfed"), 0o755); err != nil {
		t.Fatal(err)
	}
	const text = "package main\n\nimport \"time\"\n\nfunc main() {\n\tbefore := time.Now().Unix()\n\ttime.Shift.Add(3600)\n" +
		"\tprintln(time.Now().Unix()-before >= 3600)\n}\n"
	for name, text := range map[string]string{"go.mod": "module shifted\n", "cmd/asterfed/main.go": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := Overlay(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", "-overlay", file, "./cmd/asterfed")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "true" {
		t.Errorf("a clock that was set says %s, %v", out, err)
	}
}
