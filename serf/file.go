package serf

import "path/filepath"

// path returns the place of a file in DataDir, "" if nothing is kept.
func (c Config) path(name string) string {
	if c.DataDir == "" {
		return ""
	}
	return filepath.Join(c.DataDir, name)
}
