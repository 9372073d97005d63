package chaos

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sweep removes what laboratories have left whose process is gone.
func sweep() {
	left := func(name string) bool {
		m := ownedBy.FindStringSubmatch(name)
		if m == nil {
			return false
		}
		pid, err := strconv.Atoi(m[1])
		return err == nil && unix.Kill(pid, 0) == unix.ESRCH
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), marker+"*"))
	for _, d := range dirs {
		if !left(filepath.Base(d)) {
			continue
		}
		for line := range strings.Lines(string(mounts)) {
			if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], d+"/") {
				_ = unix.Unmount(f[1], unix.MNT_DETACH)
			}
		}
		_ = os.RemoveAll(d)
	}
	spaces, _ := os.ReadDir("/run/netns")
	for _, s := range spaces {
		if left(s.Name()) {
			_ = ip("netns", "del", s.Name())
		}
	}
}
