package command

import "testing"

// What another node sends is text: no terminal obeys it.
func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Alice Smith":         "Alice Smith",
		"Zoë 北":               "Zoë 北",
		"\x1b[2Jgone":         "\uFFFD[2Jgone",
		"a\u009b31mb":         "a\uFFFD31mb",
		"eve\u202egnp.exe":    "eve\uFFFDgnp.exe",
		"two\nlines\tand tab": "two\uFFFDlines\uFFFDand tab",
		"\xff":                "\uFFFD",
	} {
		if got := cell(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got, want := Unescaped(`\027[2J \"Zo\195\171\" \\`), "\uFFFD[2J \"Zoë\" \\"; got != want {
		t.Errorf("Unescaped: %q, want %q", got, want)
	}
}
