package trunk

import (
	"fmt"
	"os"

	"github.com/asterfed/asterfed/plugin/federation/directory"
)

// ReadFile reads a table of trunks from a file, as Parse does.
func ReadFile(file string) (*Table, directory.Bad, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, directory.Bad{}, fmt.Errorf("read trunks: %w", err)
	}
	defer f.Close()
	t, bad, err := Parse(f)
	if err != nil {
		return nil, directory.Bad{}, fmt.Errorf("read trunks %s: %w", file, err)
	}
	return t, bad, nil
}
