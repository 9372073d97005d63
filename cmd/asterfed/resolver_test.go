package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A name server that does not know the federation ends calls with 404, and only
// a look at resolv.conf tells why.
func TestResolverTroubles(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"this node first, a peer second", "nameserver 127.0.0.1\nnameserver 10.0.0.2\noptions timeout:1 attempts:1\n", nil},
		{"none", "# empty\nsearch example\n", []string{"names no name server"}},
		{"a foreign one first", "nameserver 192.0.2.53\nnameserver 127.0.0.1\n", []string{"asks 192.0.2.53 first, which does not know fed.example (NXDOMAIN)"}},
		{"a peer that has moved", "nameserver 127.0.0.1\nnameserver 10.0.0.9\n", []string{"10.0.0.9, name server 2 of"}},
		{"the C library takes three", "nameserver 127.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.2\nnameserver 192.0.2.53\n", nil},
	} {
		file := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		got := resolverTroubles(file, "pbx-a", "fed.example.", func(s string) error {
			switch s {
			case "127.0.0.1", "10.0.0.2":
				return nil
			case "10.0.0.9":
				return errors.New("no answer")
			}
			return errors.New("NXDOMAIN")
		})
		if len(got) != len(c.want) {
			t.Errorf("%s: %d troubles, want %d: %v", c.name, len(got), len(c.want), got)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i].What, want) || got[i].Remedy == "" || got[i].About != "pbx-a" {
				t.Errorf("%s: %+v, want %q", c.name, got[i], want)
			}
		}
	}
	if got := resolverTroubles(filepath.Join(t.TempDir(), "none"), "pbx-a", "fed.example.", nil); len(got) != 1 {
		t.Errorf("without the file: %v", got)
	}
}
