package serf

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/hashicorp/memberlist"
)

// newKey returns a random key of 32 bytes in base64.
func newKey() string {
	k := make([]byte, 32)
	rand.Read(k) // never fails since Go 1.24
	return base64.StdEncoding.EncodeToString(k)
}

// CheckKey reports whether s is base64 of 16, 24 or 32 bytes.
func CheckKey(s string) error {
	_, err := decodeKey(s)
	return err
}

func decodeKey(s string) ([]byte, error) {
	k, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("base64 of 16, 24 or 32 bytes expected")
	}
	if memberlist.ValidateKey(k) != nil {
		return nil, fmt.Errorf("base64 of 16, 24 or 32 bytes expected, not of %d", len(k))
	}
	return k, nil
}

// ReadKey returns the key in the first line of a file that is neither empty
// nor a comment (#). Errors name the file but never show the key.
func ReadKey(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read gossip key: %w", err)
	}
	for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := decodeKey(line)
		if err != nil {
			return nil, fmt.Errorf("read gossip key %s: %w", file, err)
		}
		return k, nil
	}
	return nil, fmt.Errorf("read gossip key %s: empty, one line with base64 of 16, 24 or 32 bytes expected", file)
}

// openKeyring returns the ring of gossip keys, primary first, or nil if there
// is none. A ring that was kept in ringFile goes before keyFile, for keys may
// have been rotated since; the key of keyFile joins it. If an operator wrote
// keyFile after the ring, because this node missed a rotation, its key is the
// one to use.
func openKeyring(keyFile, ringFile string, log *slog.Logger) (*memberlist.Keyring, error) {
	keys, err := readRing(ringFile)
	if err != nil {
		if keyFile == "" {
			return nil, err
		}
		log.Error("keyring unusable, starting from the key file", "keyring", ringFile, "err", err)
	}
	if keyFile != "" {
		k, err := ReadKey(keyFile)
		if err != nil {
			return nil, err
		}
		warnMode(keyFile, log)
		keys = mergeKey(keys, k, newer(keyFile, ringFile), log)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	ring, err := memberlist.NewKeyring(keys, keys[0])
	if err != nil {
		return nil, fmt.Errorf("create keyring: %w", err)
	}
	if ringFile == "" {
		return ring, nil
	}
	return ring, writeRing(ringFile, keys)
}

// mergeKey adds k to keys; first says whether it becomes the primary key.
func mergeKey(keys [][]byte, k []byte, first bool, log *slog.Logger) [][]byte {
	switch {
	case len(keys) == 0:
		return [][]byte{k}
	case bytes.Equal(keys[0], k):
		return keys
	}
	for _, have := range keys {
		if bytes.Equal(have, k) {
			log.Warn("key file does not hold the primary gossip key; write the new key to it")
			return keys
		}
	}
	if first {
		log.Warn("key file is newer than the keyring: its gossip key becomes the primary one")
		return append([][]byte{k}, keys...)
	}
	log.Warn("key file holds a gossip key that the keyring lacks: it is accepted, but not used; write the new key to the file")
	return append(keys, k)
}

// readRing returns the keys in a keyring file in Serf's format, primary
// first; none if the file is absent.
func readRing(file string) ([][]byte, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read keyring: %w", err)
	}
	var lines []string
	if err := json.Unmarshal(text, &lines); err != nil {
		return nil, fmt.Errorf("parse keyring %s: %w", file, err)
	}
	var keys [][]byte
	for _, line := range lines {
		k, err := decodeKey(line)
		if err != nil {
			return nil, fmt.Errorf("parse keyring %s: %w", file, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// writeRing keeps keys across restarts. Serf rewrites the file itself at each
// rotation.
func writeRing(file string, keys [][]byte) error {
	lines := make([]string, len(keys))
	for i, k := range keys {
		lines[i] = base64.StdEncoding.EncodeToString(k)
	}
	text, err := json.MarshalIndent(lines, "", "  ")
	if err != nil {
		return fmt.Errorf("encode keyring: %w", err)
	}
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return nil // its time tells whether the key file is newer
	}
	return datadir.Replace(file, datadir.Durable, 0o600, datadir.Text(string(text)))
}

// newer reports whether a was written after b; false if b is absent.
func newer(a, b string) bool {
	fa, err := os.Stat(a)
	if err != nil {
		return false
	}
	fb, err := os.Stat(b)
	return err == nil && fa.ModTime().After(fb.ModTime())
}

func warnMode(file string, log *slog.Logger) {
	if fi, err := os.Stat(file); err == nil && fi.Mode().Perm()&0o007 != 0 {
		log.Warn("gossip key file is open to every user", "file", file, "mode", fi.Mode().Perm().String())
	}
}
