package account

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

// Root may read everything: what counts is whether the service may.
func TestServiceReadsItsFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("as another user than root, a file that cannot be read is an error of its own")
		return
	}
	dir := t.TempDir()
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const uid, gid = 40001, 40002
	a := Account{name: "asterfed", uid: uid, gids: []uint32{gid}}
	key := filepath.Join(dir, "gossip.key")
	conf := filepath.Join(dir, "Corefile")
	text := "fed.example {\n federation {\n  node pbx-a\n  gossip 127.0.0.1:7946 key " + key + "\n }\n}\n"
	for name, body := range map[string]string{conf: text, key: "k\n"} {
		if err := os.WriteFile(name, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		mode     os.FileMode
		uid, gid int
		want     string
	}{
		{0o600, 0, 0, "cannot read " + key},
		{0o640, 0, 0, "cannot read " + key},
		{0o640, 0, gid, ""},
		{0o600, uid, 0, ""},
		{0o004, uid, 0, "cannot read " + key}, // an owner has the owner's rights only
	} {
		if err := os.Chown(key, c.uid, c.gid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(key, c.mode); err != nil {
			t.Fatal(err)
		}
		err := a.readsAll(caddy.CaddyfileInput{Filepath: conf, Contents: []byte(text)})
		if got := errText(err); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("mode %v of %d:%d: %q, want %q", c.mode, c.uid, c.gid, got, c.want)
		}
	}
	if err := os.Chmod(key, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := a.reads(key); !strings.Contains(errText(err), "cannot enter "+dir) {
		t.Errorf("a folder that is closed: %v", err)
	}
}

// A first run as root must not leave what the service cannot write.
func TestRootLeavesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can leave files of root")
		return
	}
	a := Account{name: "asterfed", uid: 40001}
	dir := t.TempDir()
	if err := a.owns(dir); err != nil {
		t.Errorf("a folder of root: %v", err)
	}
	if err := a.owns(filepath.Join(dir, "none")); err == nil {
		t.Error("root may make the folder of the service")
	}
	if err := os.Chown(dir, 40001, 0); err != nil {
		t.Fatal(err)
	}
	if err := a.owns(dir); err == nil {
		t.Error("root may write into the folder of the service")
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
