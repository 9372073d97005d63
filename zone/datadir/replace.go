package datadir

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Durability is what the new content of a replaced file survives.
type Durability bool

const (
	// Atomic survives the end of the process. A reader finds the old content or
	// the new one, never a part; after a crash of the machine the file may also
	// be empty.
	Atomic Durability = false
	// Durable survives a crash of the machine and a power cut too.
	Durable Durability = true
)

// Replace makes file hold what write writes. If it returns an error, the file
// holds what it held before. Only one caller at a time may replace a file.
func Replace(file string, d Durability, mode fs.FileMode, write func(*os.File) error) error {
	f, err := ReplaceOpen(file, d, mode, write)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// ReplaceOpen is Replace for a file that the caller goes on writing: it returns
// the new file, open for reading and writing, at its end.
func ReplaceOpen(file string, d Durability, mode fs.FileMode, write func(*os.File) error) (*os.File, error) {
	tmp, err := os.OpenFile(file+".tmp", os.O_CREATE|os.O_TRUNC|os.O_RDWR, mode)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", file, err)
	}
	err = write(tmp)
	if err == nil && d == Durable {
		err = tmp.Sync()
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		tmp.Close()
		os.Remove(tmp.Name())
		return nil, fmt.Errorf("write %s: %w", file, err)
	}
	if d == Durable {
		syncDir(filepath.Dir(file))
	}
	return tmp, nil
}

// Text returns a write function for Replace.
func Text(s string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.WriteString(s)
		return err
	}
}

// syncDir makes a rename in dir survive a power cut, where the file system can
// do that. The new content counts from the rename on, so an error here must not
// be taken for "the old content is still there".
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
