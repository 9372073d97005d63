package source

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/directory"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// opened returns a directory that reads text, the home zone that it publishes in,
// and its log.
func opened(t testing.TB, text string, known func(string) (bool, bool)) (*Directory, *primary.Primary, *strings.Builder) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(strings.Builder)
	logger := slog.New(slog.NewTextHandler(log, nil))
	clock := location.NewClock(time.Now)
	view := view.New(view.Config{Origin: "fed.example.", Self: "pbx-a", TTL: time.Second})
	p := primary.New(primary.Config{Zone: view.Own(), Clock: clock, Node: record.Node{Name: "pbx-a", State: record.Up}, Logger: logger})
	d := NewDirectory(DirectoryConfig{File: file, Options: directory.Options{Node: "pbx-a"}, Primary: p, Logger: logger,
		Permits: func(location.AOR) bool { return true }, Known: known})
	return d, p, log
}

// A home that no node has is warned of once, with the number of lines that nobody
// publishes, but not before the node knows who there is.
func TestUnknownHome(t *testing.T) {
	settled, nodes := false, map[string]bool{"pbx-a": true, "pbx-b": true}
	d, _, log := opened(t, "user,home\n1001,pbx-a\n1002,pbx-x\n1003,pbx-x\n1004,pbx-b pbx-y\n1005,\n",
		func(node string) (bool, bool) { return nodes[node], settled })
	d.Read()
	d.checkHomes()
	if strings.Contains(log.String(), "level=WARN") {
		t.Errorf("warned before all nodes are known:\n%s", log)
	}
	settled = true
	for range 3 {
		d.checkHomes()
	}
	for _, want := range []string{"home=pbx-x lines=2 ", "home=pbx-y lines=1 "} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%d lines with %q, want 1:\n%s", n, want, log)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, log)
	}
	if bad, homeless := d.BadLines(); bad != 0 || homeless != 2 {
		t.Errorf("%d bad and %d homeless lines, want 0 and 2", bad, homeless)
	}
	nodes["pbx-x"] = true // it joins
	d.checkHomes()
	if _, homeless := d.BadLines(); homeless != 0 {
		t.Errorf("%d homeless lines after the node has joined", homeless)
	}
	delete(nodes, "pbx-x") // and leaves for good
	d.checkHomes()
	if n := strings.Count(log.String(), "home=pbx-x"); n != 2 {
		t.Errorf("warned %d times of a name that was known in between, want 2:\n%s", n, log)
	}
}

// A file that cannot be read, or that is gone, changes nothing, and is said once.
func TestUnreadableDirectoryKeepsTheLast(t *testing.T) {
	d, p, log := opened(t, "user,number\n1001,+4930123\n", func(string) (bool, bool) { return true, true })
	d.Read()
	before := len(p.Published(directory.Source))
	if before == 0 {
		t.Fatalf("nothing published:\n%s", log)
	}
	if err := os.WriteFile(d.cfg.File, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d.Read()
	}
	os.Remove(d.cfg.File)
	for range 3 {
		d.Read()
	}
	if n := len(p.Published(directory.Source)); n != before {
		t.Errorf("%d bindings, want %d", n, before)
	}
	if n := strings.Count(log.String(), "the one read before stays in force"); n != 2 {
		t.Errorf("said %d times, want once for each reason:\n%s", n, log)
	}
	if err := os.WriteFile(d.cfg.File, []byte("user,number\n1001,+4930124\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Read()
	if n := len(p.Published(directory.Source)); n != before {
		t.Errorf("%d bindings after the file was mended, want %d", n, before)
	}
}
