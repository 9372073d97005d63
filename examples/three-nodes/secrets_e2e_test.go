//go:build e2e

package threenodes

import (
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// What secrets.sh installs is readable by its own service, and by nobody else.
func TestSecretsInstalled(t *testing.T) {
	dir := t.TempDir()
	made, root := filepath.Join(dir, "made"), filepath.Join(dir, "root")
	for _, args := range [][]string{{made}, {"--install", made, root}} {
		if out, err := exec.Command("./secrets.sh", args...).CombinedOutput(); err != nil {
			t.Fatalf("secrets.sh %v: %v: %s", args, err, out)
		}
	}
	want := map[string]string{"asterfed": "0", "asterisk": "0"} // where there is no such group, root's
	for name := range want {
		if g, err := user.LookupGroup(name); err == nil {
			want[name] = g.Gid
		}
	}
	files := 0
	for folder, gid := range want {
		err := filepath.WalkDir(filepath.Join(root, "etc", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			st := info.Sys().(*syscall.Stat_t)
			if got := strconv.Itoa(int(st.Gid)); st.Uid != 0 || got != gid || info.Mode().Perm()&0o007 != 0 || info.Mode().Perm()&0o040 == 0 {
				t.Errorf("%s: mode %v, owner %d:%s, want 0:%s, readable by the group and by nobody else", path, info.Mode(), st.Uid, got, gid)
			}
			if !d.IsDir() {
				files++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 9 {
		t.Errorf("%d files are installed", files)
	}
}
