//go:build e2e

package threenodes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fourth writes the folder of a fourth node: that of pbx-c with another name
// and address.
func fourth(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files, err := os.ReadDir("pbx-c")
	if err != nil {
		t.Fatal(err)
	}
	change := strings.NewReplacer("pbx-c", "pbx-d", "10.88.0.3", "10.88.0.4")
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join("pbx-c", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), []byte(change.Replace(string(data))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A fourth node joins. Nobody touches the others, and calls both ways work.
func TestJoin(t *testing.T) {
	one := phone(t, "1001", "answer")
	register(t, "1001", a, one.Contact)
	start := time.Now()
	d, err := l.AddNode("pbx-d", "10.88.0.4", "22", fourth(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Remove)
	if err := d.StartFederator(); err != nil {
		t.Fatal(err)
	}
	if err := d.StartAsterisk(); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes() {
		if err := level(n, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := level(d, nodes()...); err != nil {
		t.Fatal(err)
	}
	seven := phone(t, "1007", "answer")
	register(t, "1007", d, seven.Contact)
	found(t, 5*time.Second, "1007", d, append(nodes(), d)...)
	found(t, 5*time.Second, "1001", a, d)
	joined := time.Since(start)
	calls := 0
	for _, n := range nodes() {
		call(t, "1002", n, "1007", 200)
		calls++
	}
	call(t, "1002", d, "1001", 200)
	figure("fourth node", "ready after %s with its Asterisk's start, %d calls to it and 1 from it completed", ms(joined), calls)

	start = time.Now()
	if out, err := d.Federator("leave"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	found(t, 10*time.Second, "1007", nil, nodes()...)
	call(t, "1002", a, "1007", 404)
	figure("node leaves", "its users are not found any more after %s", ms(time.Since(start)))
}
