package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	faultRow  = regexp.MustCompile(`(?m)^\|[^|]+\|.+\| ([^|]+) \|$`)
	namedTest = regexp.MustCompile("`([^`]+)` ([^`;]+)")
)

// Each row of the table of faults names tests that exist.
func TestFaultsHaveTests(t *testing.T) {
	text := section(t, read(t, root+"/docs/reliability.md"), "Faults that were found, and what is right now")
	rows := faultRow.FindAllStringSubmatch(text, -1)
	if len(rows) < 50 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows[1:] { // the first is the heading
		if strings.Trim(row[1], "-") == "" {
			continue
		}
		found := 0
		for _, m := range namedTest.FindAllStringSubmatch(row[1], -1) {
			files, err := filepath.Glob(root + "/" + m[1] + "/*_test.go")
			if err != nil {
				t.Fatal(err)
			}
			var source strings.Builder
			for _, f := range files {
				source.WriteString(read(t, f))
			}
			for _, name := range strings.Split(m[2], ", ") {
				found++
				name, sub, _ := strings.Cut(strings.TrimSpace(name), "/")
				if !strings.Contains(source.String(), "func "+name+"(") {
					t.Errorf("%s has no %s", m[1], name)
				}
				if name == "TestScripts" {
					if _, err := os.Stat(root + "/" + m[1] + "/testdata/" + sub + ".txtar"); err != nil {
						t.Errorf("TestScripts/%s: %v", sub, err)
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("no test: %s", row[0])
		}
	}
}
