package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lockFile is the name of the file that is locked. It stays when the process
// ends: if it were removed, a process that has just opened it would hold a lock
// on a file that the next one no longer finds.
const lockFile = "lock"

// Dir is a data directory that this process has locked. The kernel takes it back when the
// process ends, however it ends.
type Dir struct{ file *os.File }

// Lock creates dir if it is missing and locks it for this process. It does not
// wait: if another process has the directory, the error names that process.
func Lock(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o640)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("lock data directory: %w: %s must belong to the user that asterfed runs as", err, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == syscall.EWOULDBLOCK {
		err = inUse(dir, f)
	} else if err != nil {
		err = fmt.Errorf("lock data directory %s: %w", dir, err)
	} else {
		err = sign(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Dir{f}, nil
}

// inUse is the error of a directory that is locked already.
func inUse(dir string, f *os.File) error {
	text := make([]byte, 32)
	n, _ := f.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	switch {
	case err != nil:
		return fmt.Errorf("another asterfed uses %s: stop it, or give this one a data directory of its own", dir)
	case pid == os.Getpid():
		return fmt.Errorf("another federation of this process (pid %d), or an asterfed in another container, uses %s: give each its own data directory", pid, dir)
	}
	return fmt.Errorf("another asterfed (pid %d) uses %s: stop it, or give this one a data directory of its own", pid, dir)
}

// sign writes this process's id into the lock file. A full disk is no reason not
// to start: the id only makes an error clearer.
func sign(f *os.File) error {
	text := strconv.Itoa(os.Getpid()) + "\n"
	_, err := f.WriteAt([]byte(text), 0)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	}
	return fmt.Errorf("write lock file: %w", err)
}

// Unlock gives the directory to the next process. A nil Dir has nothing to
// give.
func (d *Dir) Unlock() error {
	if d == nil {
		return nil
	}
	return d.file.Close()
}
