//go:build e2e

package publish

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README is run as it stands, in a copy of this folder, by one shell.
func TestReadme(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"secrets.sh", "Corefile", "publish.nsupdate", "withdraw.nsupdate"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script, want strings.Builder
	script.WriteString("set -m\n")
	for _, block := range regexp.MustCompile("(?ms)^```\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				want.WriteString(line)
				continue
			}
			want.WriteString("$ " + command)
			script.WriteString("cat <<'EOT'\n$ " + command + "EOT\n")
			if server, ok := strings.CutSuffix(command, " &\n"); ok {
				script.WriteString(server + " >log 2>&1 &\necho $! >pid\nuntil dig @127.0.0.76 -p 5300 fed.example SOA +short +tries=1 +time=1 | grep -q nodes; do sleep 0.1; done\n")
				continue
			}
			script.WriteString(command)
		}
	}
	t.Cleanup(func() { exec.Command("sh", "-c", "kill -9 $(cat "+dir+"/pid)").Run() }) // in vain if all went well
	c := exec.CommandContext(t.Context(), "timeout", "25", "bash", "-c", script.String()+"exec 2>/dev/null\nwait\nexit 0\n")
	c.Dir, c.Env = dir, append(os.Environ(), "PATH="+filepath.Dir(asterfed)+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if got := string(out); err != nil || got != want.String() {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Errorf("got %v\n%s\nwant\n%s\nlog:\n%s", err, got, want.String(), log)
	}
}
