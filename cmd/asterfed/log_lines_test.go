package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// A log line that docs/operations.md explains is one that a node can write.
func TestDocumentedLogLines(t *testing.T) {
	var source strings.Builder
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", root+"/plugin/*.go", root+"/serf/*.go", root+"/zone/*.go", root+"/cmd/*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	for file := range strings.Lines(string(out)) {
		if file = strings.TrimSpace(file); strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	_, section, _ := strings.Cut(read(t, root+"/docs/operations.md"), "\n## Log lines\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| (`.+?) \\|").FindAllStringSubmatch(section, -1)
	if len(rows) < 30 {
		t.Fatalf("%d rows", len(rows))
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, row := range rows {
		for _, line := range quoted.FindAllStringSubmatch(row[1], -1) {
			for _, part := range strings.Split(line[1], "…") {
				if part = strings.TrimSpace(part); !strings.Contains(source.String(), strings.TrimPrefix(part, "memberlist: ")) && !strings.HasPrefix(part, "memberlist: ") {
					t.Errorf("no package writes %q", part)
				}
			}
		}
	}
}
