package config

import (
	"os"
	"strings"
)

// secret refuses a file with a secret that every user of the machine may read or
// replace. A file that does not exist is for its reader to report.
func (p *parser) secret(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o006 != 0 {
		return p.Errf("secret file %s is open to every user of this machine (mode %04o): run chmod 640 on it, and give it to root and the group of asterfed",
			file, mode)
	}
	return nil
}

// privateKeys are the files of key pairs that hold the private halves.
func privateKeys(files []string) (out []string) {
	for _, f := range files {
		out = append(out, strings.TrimSuffix(strings.TrimSuffix(f, ".key"), ".private")+".private")
	}
	return out
}
