package datadir

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// holdEnv makes the test binary a process that locks a directory and waits.
const holdEnv = "DATADIR_TEST_HOLD"

func TestMain(m *testing.M) {
	dir := os.Getenv(holdEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	if _, err := Lock(dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("locked")
	select {} // until it is killed
}

// holder starts a process that holds dir.
func holder(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), holdEnv+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("holder says %q, %v", line, err)
	}
	return c
}

// The error names the process that has the directory, by whatever path it is
// reached, and a process that was killed leaves nothing that must be cleaned up.
func TestOneProcessUsesADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	first := holder(t, dir)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, link, dir + "/../data"} {
		_, err := Lock(path)
		if want := fmt.Sprintf("another asterfed (pid %d) uses %s", first.Process.Pid, path); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("second lock: %v, want %q", err, want)
		}
	}
	first.Process.Kill()
	first.Wait()
	if _, err := os.Stat(filepath.Join(dir, lockFile)); err != nil {
		t.Fatalf("the killed process has left no lock file: %v", err)
	}
	l, err := Lock(dir)
	if err != nil {
		t.Fatalf("after the first was killed: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	holder(t, dir) // a released directory is free for others
}

// Two federations in one process must not share a directory either.
func TestOneFederationUsesADirectory(t *testing.T) {
	dir := t.TempDir()
	l, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "another federation of this process") {
		t.Errorf("second lock: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if l, err = Lock(dir); err != nil {
		t.Errorf("after the first was released: %v", err)
	}
	l.Unlock()
}

// A lock file of unknown content, as an editor or a backup may leave, is locked
// like any other.
func TestLockFileOfAnyContent(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, lockFile), []byte(strings.Repeat("x", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	if text, _ := os.ReadFile(filepath.Join(dir, lockFile)); string(text) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("lock file holds %q", text)
	}
}

func TestReplace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, d := range []Durability{Atomic, Durable} {
		for _, text := range []string{"long content", "short"} {
			if err := Replace(file, d, 0o600, Text(text)); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(file); string(got) != text {
				t.Errorf("file holds %q, want %q", got, text)
			}
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A write that fails leaves the old content and nothing beside it.
func TestFailedReplaceChangesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := Replace(file, Durable, 0o600, Text("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := Replace(file, Durable, 0o600, func(f *os.File) error {
		f.WriteString("half of the n")
		return full
	})
	if !errors.Is(err, full) || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
	if got, _ := os.ReadFile(file); string(got) != "old" {
		t.Errorf("file holds %q", got)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}

func TestReplaceOpenGoesOnAtTheEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	f, err := ReplaceOpen(file, Atomic, 0o600, Text("one\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("two\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "one\ntwo\n" {
		t.Errorf("file holds %q", got)
	}
}
