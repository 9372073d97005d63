package xfr

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
)

func TestCopy(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	b.register("1001", "Alice.Smith", "+97231234000")
	_, pulled, _ := a.follow(b, testKey)
	a.level(b, pulled)
	home := a.view.Home("pbx-b")
	file := CopyFile(t.TempDir(), "pbx-b")
	if err := WriteCopy(file, home, origin, "192.0.2.2:53", 5); err != nil {
		t.Fatal(err)
	}
	if node, ok := CopyNode(file); !ok || node != "pbx-b" {
		t.Errorf("CopyNode is %q, %v", node, ok)
	}
	got, addr, err := ReadCopy(file, "pbx-b", origin)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := home.Node()
	if addr != "192.0.2.2:53" || got.Version != home.Version() || got.Node == nil || !got.Node.Equal(want) {
		t.Errorf("got %v of %s, node %+v; want %v, node %+v", got.Version, addr, got.Node, home.Version(), want)
	}
	sort := func(x, y location.Binding) int { return strings.Compare(string(x.AOR), string(y.AOR)) }
	have := home.Bindings()
	slices.SortFunc(have, sort)
	slices.SortFunc(got.Bindings, sort)
	if !slices.Equal(have, got.Bindings) {
		t.Errorf("bindings are %v, want %v", got.Bindings, have)
	}
	if left, _ := filepath.Glob(file + ".tmp"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestCopyThatCannotBeUsed(t *testing.T) {
	apex := zone.HomeZone("pbx-b", origin)
	soa := apex + " 5 IN SOA pbx-b.nodes.fed.example. epoch-e.hostmaster.fed.example. 7 60 10 604800 5\n"
	for text, want := range map[string]string{
		"":                     "first line",
		soa:                    "first line",
		"; dns a:1\n" + soa:    "before its closing SOA",
		"; dns a:1\nrubbish\n": "zone.dns",
		"; dns a:1\n" + strings.ReplaceAll(soa, "pbx-b.homes", "pbx-c.homes"): "SOA of pbx-c",
	} {
		file := CopyFile(t.TempDir(), "pbx-b")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadCopy(file, "pbx-b", origin)
		if err == nil || want != "zone.dns" && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want …%s", text, err, want)
		}
	}
}
