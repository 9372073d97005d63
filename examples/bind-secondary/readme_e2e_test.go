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

// ready waits for what a command of the README has begun, however busy the
// machine is.
var ready = map[string]string{
	"asterfed": "until dig @127.0.0.90 -p 5300 fed.example SOA +short +tries=1 +time=1 | grep -q nodes; do sleep 0.1; done\n",
	"sleep":    "until dig @127.0.0.1 -p 5390 bob.users.fed.example NAPTR +short +tries=1 +time=1 | grep -q bob; do sleep 0.1; done\n",
	"named":    "until dig @127.0.0.1 -p 5390 fed.example SOA +short +tries=1 +time=1 | grep -q nodes; do sleep 0.1; done\n",
}

// The README is run as it stands, in a copy of this folder, by one shell.
func TestReadme(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"secrets.sh", "Corefile", "named.conf", "publish.nsupdate"} {
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
				name, _, _ := strings.Cut(server, " ")
				script.WriteString(server + " >" + name + ".log 2>&1 &\necho $! >>pids\n" + ready[name])
				continue
			}
			script.WriteString(command)
			if strings.HasPrefix(command, "sleep ") {
				script.WriteString(ready["sleep"])
			}
		}
	}
	t.Cleanup(func() { exec.Command("sh", "-c", "kill -9 $(cat "+dir+"/pids)").Run() }) // in vain if all went well
	c := exec.CommandContext(t.Context(), "timeout", "60", "bash", "-c", script.String()+"exec 2>/dev/null\nwait\nexit 0\n")
	c.Dir, c.Env = dir, append(os.Environ(), "PATH="+filepath.Dir(asterfed)+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if got := string(out); err != nil || got != want.String() {
		log, _ := exec.Command("sh", "-c", "cat "+dir+"/*.log").CombinedOutput()
		t.Errorf("got %v\n%s\nwant\n%s\nlogs:\n%s", err, got, want.String(), log)
	}
}
