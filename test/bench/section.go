package main

import (
	"fmt"
	"os"
	"strings"
)

// replaceSection puts text between the markers of a part in a file.
func replaceSection(file, part, text string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	next, err := replaced(string(raw), part, text)
	if err != nil {
		return fmt.Errorf("write tables into %s: %w", file, err)
	}
	if err := os.WriteFile(file, []byte(next), 0o644); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	return nil
}

// replaced returns a document with another text between a part's markers.
func replaced(document, part, text string) (string, error) {
	begin, end := "<!-- bench:"+part+" -->\n", "<!-- end of bench:"+part+" -->\n"
	before, rest, ok := strings.Cut(document, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return "", fmt.Errorf("no section between %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}
