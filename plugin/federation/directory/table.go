package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// BadLine is a line that was left out, with its number, from 1.
type BadLine struct {
	Line int
	Err  error
}

func (b BadLine) Error() string { return fmt.Sprintf("line %d: %v", b.Line, b.Err) }
func (b BadLine) Unwrap() error { return b.Err }

// Columns says what the fields of a CSV file (RFC 4180) with a header do to a
// line of it, a T. The header holds some of the words, in any order and case.
type Columns[T any] struct {
	Set  map[string]func(*T, string) error
	List string // all words, for whoever reads an error
	Need string // the word that must be there
}

// Read gives each line to add, with its number, from 1: a copy of blank, with
// the fields that are not empty set. Lines that cannot be read, or that add
// refuses, are reported, and the others go on; err is an error of the file as a
// whole: without a header that can be understood there is nothing to keep.
func (c Columns[T]) Read(r io.Reader, blank T, add func(n int, line T) error) (bad []BadLine, err error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.TrimLeadingSpace, in.Comment = -1, true, '#'
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("no header: the first line names the columns: %s", c.List)
	}
	if err == nil {
		err = c.check(header)
	}
	if err != nil {
		return nil, err
	}
	for {
		record, err := in.Read()
		var parse *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return bad, nil
		case errors.As(err, &parse):
			bad = append(bad, BadLine{parse.StartLine, parse.Err})
			continue
		case err != nil:
			return bad, err
		}
		n, _ := in.FieldPos(0) // panics for a record that could not be read
		line := blank
		if err = c.fill(&line, header, record); err == nil {
			err = add(n, line)
		}
		if err != nil {
			bad = append(bad, BadLine{n, err})
		}
	}
}

// check reads the words of the header.
func (c Columns[T]) check(header []string) error {
	seen := map[string]bool{}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		switch {
		case c.Set[h] == nil:
			return fmt.Errorf("line 1: column %q: want some of %s", h, c.List)
		case seen[h]:
			return fmt.Errorf("line 1: column %q is there twice", h)
		}
		header[i], seen[h] = h, true
	}
	if !seen[c.Need] {
		return fmt.Errorf("line 1: no column %q: want some of %s", c.Need, c.List)
	}
	return nil
}

func (c Columns[T]) fill(line *T, header, record []string) error {
	if len(record) > len(header) {
		return fmt.Errorf("%d fields: the header names %d", len(record), len(header))
	}
	for i, field := range record {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		if err := c.Set[header[i]](line, field); err != nil {
			return err
		}
	}
	return nil
}
