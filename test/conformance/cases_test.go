package conformance

import (
	"os"
	"strings"
	"testing"
)

// entry is one case of testdata/cases.txt: the sentence of the RFC that it
// holds to, the question and how it is put, and the answer as text gives it.
type entry struct {
	why, question string
	how           how
	want          string
}

func entries(t *testing.T) (out []entry) {
	raw, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		why, hasWhy := strings.CutPrefix(lines[0], "# RFC ")
		if !hasWhy || len(lines) < 3 {
			t.Fatalf("case %d: want \"# RFC …: …\", \"? NAME TYPE …\" and the answer, got %q", i, block)
		}
		e := entry{why: "RFC " + why, want: strings.Join(lines[2:], "\n") + "\n"}
		for _, f := range strings.Fields(strings.TrimPrefix(lines[1], "? ")) {
			switch f {
			case "tcp":
				e.how.tcp = true
			case "edns=100":
				e.how.edns = 100
			case "edns=1232":
				e.how.edns = 1232
			case "edns=4096":
				e.how.edns = 4096
			default:
				e.question += f + " "
			}
		}
		out = append(out, e)
	}
	return out
}

// TestCases asks every question of the file.
func TestCases(t *testing.T) {
	list := entries(t)
	if len(list) < 90 {
		t.Fatalf("%d cases: the file is cut short", len(list))
	}
	for _, e := range list {
		t.Run(e.why, func(t *testing.T) {
			if got := text(exchange(t, question(t, e.question), e.how)); got != e.want {
				t.Errorf("%s\n%s\ngot\n%swant\n%s", e.why, e.question, got, e.want)
			}
		})
	}
}
