package directory

import (
	"fmt"
	"os"
)

// ReadFile reads a directory from a file, as Parse does.
func ReadFile(file string, o Options, last *Directory) (*Directory, Bad, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, Bad{}, fmt.Errorf("read directory: %w", err)
	}
	defer f.Close()
	d, bad, err := Parse(f, o, last)
	if err != nil {
		return nil, bad, fmt.Errorf("read directory %s: %w", file, err)
	}
	return d, bad, nil
}

// CheckFile reports an error of the file as a whole, as ReadFile does, from its
// header.
func CheckFile(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	defer f.Close()
	if _, _, err := columns.open(f); err != nil {
		return fmt.Errorf("read directory %s: %w", file, err)
	}
	return nil
}
