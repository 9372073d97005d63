package serf

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
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

// EncodeKey returns a key as key files and Client have it.
func EncodeKey(key []byte) string { return base64.StdEncoding.EncodeToString(key) }

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
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // some editors begin a file so
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
// is none. The keyring in ringFile follows the rotations; keyFile is what an
// operator wrote. So a key in keyFile counts when it is another one than at the
// last start: the operator has replaced it, because this node missed a rotation
// or had a wrong key, and it becomes the primary key. A key file that is only as
// old as the first installation adds nothing, since its key may have been removed
// from the federation for a reason.
func openKeyring(keyFile, ringFile string, log *slog.Logger) (*memberlist.Keyring, error) {
	keys, err := readRing(ringFile)
	if err != nil {
		if keyFile == "" {
			return nil, err
		}
		log.Error("keyring unreadable; starting with the key file alone", "keyring", ringFile, "err", err)
	}
	var k []byte
	if keyFile != "" {
		if k, err = ReadKey(keyFile); err != nil {
			return nil, err
		}
		keys = mergeKey(keys, k, keyReplaced(k, keyFile, ringFile), log)
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
	if err := writeRing(ringFile, keys); err != nil {
		return nil, err
	}
	return ring, rememberKey(k, ringFile)
}

// mergeKey returns keys with k as the primary key if it is new in the key file,
// or the only one.
func mergeKey(keys [][]byte, k []byte, replaced bool, log *slog.Logger) [][]byte {
	switch {
	case len(keys) == 0:
		return [][]byte{k}
	case bytes.Equal(keys[0], k):
		return keys
	case replaced:
		log.Warn("the key file holds another gossip key than at the last start: it is the primary one now", "key", keyID(k), "before", keyID(keys[0]))
		rest := slices.DeleteFunc(slices.Clone(keys), func(have []byte) bool { return bytes.Equal(have, k) })
		return append([][]byte{k}, rest...)
	}
	log.Warn("the key file holds an old gossip key, which is not used; write the primary one to it for the day on which data is lost", "key", keyID(k), "primary", keyID(keys[0]))
	return keys
}

// keyReplaced reports whether k differs from the key that was in the key file at
// the last start. If that was not recorded, the times of the two files decide.
func keyReplaced(k []byte, keyFile, ringFile string) bool {
	last, err := os.ReadFile(ringFile + seenSuffix)
	if err != nil {
		return newer(keyFile, ringFile)
	}
	return strings.TrimSpace(string(last)) != digest(k)
}

// rememberKey records which key was in the key file at this start, as a digest
// in a file beside the keyring. A nil key means that there is no key file.
func rememberKey(k []byte, ringFile string) error {
	if k == nil {
		return nil
	}
	file := ringFile + seenSuffix
	if last, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(last)) == digest(k) {
		return nil
	}
	return datadir.Replace(file, datadir.Durable, 0o600, datadir.Text(digest(k)+"\n"))
}

const seenSuffix = ".seen"

func digest(k []byte) string { return fmt.Sprintf("%x", sha256.Sum256(k)) }

// KeyIDOf returns what stands for a gossip key in base64 in lists and logs: the
// first characters of its SHA-256 digest, which is no secret.
func KeyIDOf(key string) string {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "?"
	}
	return keyID(raw)
}

func keyID(key []byte) string { return digest(key)[:8] }

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
		return nil // keyReplaced compares its time with that of the key file
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
