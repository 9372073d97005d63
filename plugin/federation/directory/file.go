package directory

import (
	"fmt"
	"os"
)

// ReadFile reads a directory from a file, as Parse does.
func ReadFile(file string, o Options) (*Directory, []BadLine, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read directory: %w", err)
	}
	defer f.Close()
	d, bad, err := Parse(f, o)
	if err != nil {
		return nil, nil, fmt.Errorf("read directory %s: %w", file, err)
	}
	return d, bad, nil
}
