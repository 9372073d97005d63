package serf

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Gossip carries membership and nothing else, so this package has no reason to
// know DNS or the other packages of the project, but for the one that replaces
// files.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		src, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range src.Imports {
			path, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"github.com/miekg/dns", "github.com/coredns/", "github.com/asterfed/"} {
				if strings.HasPrefix(path, bad) && path != "github.com/asterfed/asterfed/zone/datadir" {
					t.Errorf("%s imports %s", f, path)
				}
			}
		}
	}
}
