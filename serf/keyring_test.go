package serf

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestWrongKey(t *testing.T) {
	t.Parallel()
	key := keyFile(t, newKey())
	a := startNode(t, "a", withKey(key))
	bad := startNode(t, "bad", withKey(keyFile(t, newKey())), joining(a))
	plain := startNode(t, "plain", joining(a))
	good := startNode(t, "good", withKey(key), joining(a))
	good.await(t, EventJoin, "a")
	a.await(t, EventJoin, "good")

	for _, n := range []*node{bad, plain} {
		if err := n.join(a.Addr().String()); err == nil {
			t.Error("joined without the key")
		}
		if err := a.join(n.Addr().String()); err == nil {
			t.Error("joined somebody without the key")
		}
		if m := n.Members(); len(m) != 1 {
			t.Errorf("%v got in", m)
		}
	}
	if m := a.Members(); len(m) != 2 {
		t.Errorf("a knows %v", m)
	}
}

// Keys rotate through RPC, and a restart goes on with the new one although the
// key file still holds the old.
func TestRotation(t *testing.T) {
	t.Parallel()
	old, next := newKey(), newKey()
	key := keyFile(t, old)
	dir := t.TempDir()
	log, said := withLog()
	a := startNode(t, "a", withKey(key), withRPC, withDir(t.TempDir()))
	b := startNode(t, "b", withKey(key), joining(a), withDir(dir), log)
	a.await(t, EventJoin, "b")
	b.await(t, EventJoin, "a")

	c := a.dial(t)
	if _, err := c.UseKey(next); err == nil {
		t.Error("a key that nobody has was put to use")
	}
	steps := []struct {
		name string
		do   func(string) (Keys, error)
		key  string
		want map[string]int
	}{
		{"install", c.InstallKey, next, map[string]int{old: 2, next: 2}},
		{"use", c.UseKey, next, map[string]int{old: 2, next: 2}},
		{"remove", c.RemoveKey, old, map[string]int{next: 2}},
	}
	for _, s := range steps {
		until(t, s.name, func() bool { // an answer may be late on a busy machine
			k, err := s.do(s.key)
			return err == nil && k.Members == 2 && reflect.DeepEqual(k.On, s.want)
		})
	}
	if _, err := c.RemoveKey(next); err == nil {
		t.Error("the key in use was removed")
	}
	// Everybody else says who asked for it, without the key itself.
	until(t, "the log of b names who changed the keys", func() bool {
		for _, line := range []string{"installed", "used", "removed"} {
			if !regexp.MustCompile(`level=WARN msg="gossip key ` + line + `.*by=.*a.*addr=` + a.Addr().String()).MatchString(said.String()) {
				return false
			}
		}
		return true
	})
	for _, k := range []string{old, next} {
		if strings.Contains(said.String(), k) {
			t.Error("a key stands in the log")
		}
	}

	b.Shutdown()
	a.await(t, EventFailed, "b")
	startNode(t, "b", withKey(key), withDir(dir))
	a.await(t, EventJoin, "b")
}

func TestOpenKeyring(t *testing.T) {
	key := func(b byte) []byte { return append(make([]byte, 15), b) }
	k1, k2, k3 := key(1), key(2), key(3)
	for _, tc := range []struct {
		name  string
		file  []byte
		ring  any // JSON of the keyring file, nil = absent
		newer bool
		want  [][]byte
	}{
		{"nothing", nil, nil, false, nil},
		{"key file only", k1, nil, false, [][]byte{k1}},
		{"keyring only", nil, [][]byte{k2, k1}, false, [][]byte{k2, k1}},
		{"rotated", k1, [][]byte{k2, k1}, false, [][]byte{k2, k1}},
		{"old key removed", k1, [][]byte{k2}, false, [][]byte{k2}},
		{"installed, then written", k3, [][]byte{k1, k3}, true, [][]byte{k3, k1}},
		{"rotation missed", k3, [][]byte{k1}, true, [][]byte{k3, k1}},
		{"damaged", k1, "nonsense", false, [][]byte{k1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			var keyPath string
			if tc.file != nil {
				keyPath = filepath.Join(dir, "key")
				mustWrite(t, keyPath, []byte(base64.StdEncoding.EncodeToString(tc.file)))
				age := -time.Hour
				if tc.newer {
					age = time.Hour
				}
				if err := os.Chtimes(keyPath, time.Time{}, time.Now().Add(age)); err != nil {
					t.Fatal(err)
				}
			}
			ringPath := filepath.Join(dir, "ring")
			if tc.ring != nil {
				text, err := json.Marshal(tc.ring)
				if err != nil {
					t.Fatal(err)
				}
				mustWrite(t, ringPath, text)
			}
			ring, err := openKeyring(keyPath, ringPath, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if ring == nil {
				if tc.want != nil {
					t.Fatal("no ring")
				}
				return
			}
			if got := ring.GetKeys(); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("ring %v, want %v", got, tc.want)
			}
			if kept, err := readRing(ringPath); err != nil || !reflect.DeepEqual(kept, tc.want) {
				t.Errorf("kept %v, %v, want %v", kept, err, tc.want)
			}
		})
	}
}

// The key file counts when an operator has written another key to it, however
// often the node starts and whatever the times of the files.
func TestKeyFileMended(t *testing.T) {
	dir := t.TempDir()
	file, ringPath := filepath.Join(dir, "key"), filepath.Join(dir, "ring")
	right, wrong, next := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 16), bytes.Repeat([]byte{3}, 16)
	start := func(step string, key []byte, want ...[]byte) {
		t.Helper()
		mustWrite(t, file, []byte(base64.StdEncoding.EncodeToString(key)))
		ring, err := openKeyring(file, ringPath, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if got := ring.GetKeys(); !reflect.DeepEqual(got, want) || !bytes.Equal(ring.GetPrimaryKey(), want[0]) {
			t.Errorf("%s: ring %v, want %v", step, got, want)
		}
	}
	start("first start", right, right)
	start("a wrong key", wrong, wrong, right)
	start("again", wrong, wrong, right)
	start("mended", right, right, wrong)
	start("again", right, right, wrong)
	if err := writeRing(ringPath, [][]byte{next}); err != nil { // the federation rotates
		t.Fatal(err)
	}
	start("after a rotation, the old file", right, next)
	start("again", right, next)
	start("the new key in the file", next, next)
}

func TestOpenKeyringDamagedAlone(t *testing.T) {
	ring := filepath.Join(t.TempDir(), "ring")
	mustWrite(t, ring, []byte(`["short"]`))
	if _, err := openKeyring("", ring, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("gossip in clear after a damaged keyring")
	}
}

func mustWrite(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
