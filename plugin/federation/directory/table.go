package directory

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// BadLine is a line that was left out, with its number, from 1.
type BadLine struct {
	Line int
	Err  error
}

func (b BadLine) Error() string { return fmt.Sprintf("line %d: %v", b.Line, b.Err) }
func (b BadLine) Unwrap() error { return b.Err }

// Bad counts the lines of a file that were left out.
type Bad struct {
	N     int       // all of them
	First []BadLine // the first ones, maxBad at most
}

// maxBad bounds how many bad lines of a file are described.
const maxBad = 100

func (b *Bad) add(line int, err error) {
	if b.N++; len(b.First) < maxBad {
		b.First = append(b.First, BadLine{line, err})
	}
}

// Log writes a warning for each bad line that is described, and one for the
// others together.
func (b Bad) Log(to *slog.Logger, message, file string) {
	for _, l := range b.First {
		to.Warn(message, "file", file, "line", l.Line, "err", l.Err)
	}
	if more := b.N - len(b.First); more > 0 {
		to.Warn(message, "file", file, "further_lines", more)
	}
}

// Columns says what the fields of a CSV file (RFC 4180) with a header do to a
// line of it, a T. The header has some of the words, in any order and case.
type Columns[T any] struct {
	Set  map[string]func(*T, string) error
	List string // all words, for error messages
	Need string // the word that must be there
}

// Read passes each line to add, with its number, from 1: a copy of blank, with
// the fields that are not empty set. Lines that cannot be read, or that add
// refuses, are counted, and the others go on; err is an error of the file as a
// whole: without a header that can be understood there is nothing to keep.
func (c Columns[T]) Read(r io.Reader, blank T, add func(n int, line T) error) (bad Bad, err error) {
	in, header, err := c.open(r)
	if err != nil {
		return Bad{}, err
	}
	return in.each(func(n int, text []byte) error {
		line, err := c.parse(string(text), header, blank)
		if err != nil {
			return err
		}
		return add(n, line)
	})
}

// open reads the header.
func (c Columns[T]) open(r io.Reader) (in *lines, header []string, err error) {
	in = newLines(r)
	text, err := in.next()
	if errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("no header: the first line names the columns: %s", c.List)
	}
	if err == nil {
		header, err = split(strings.TrimPrefix(string(text), "\ufeff"), nil)
	}
	if err == nil {
		err = c.check(header)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("line %d: %w", in.n, err)
	}
	return in, header, nil
}

// each calls f for every further line and counts those that it refuses.
func (l *lines) each(f func(n int, text []byte) error) (bad Bad, err error) {
	for {
		text, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return bad, nil
		case errors.Is(err, errLineTooLong):
		case err != nil:
			return bad, err
		default:
			err = f(l.n, text)
		}
		if err != nil {
			bad.add(l.n, err)
		}
	}
}

// check reads the words of the header.
func (c Columns[T]) check(header []string) error {
	seen := map[string]bool{}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		switch {
		case c.Set[h] == nil:
			return fmt.Errorf("column %q: want some of %s", h, c.List)
		case seen[h]:
			return fmt.Errorf("column %q is there twice", h)
		}
		header[i], seen[h] = h, true
	}
	if !seen[c.Need] {
		return fmt.Errorf("no column %q: want some of %s", c.Need, c.List)
	}
	return nil
}

// parse returns blank with the fields of a line set.
func (c Columns[T]) parse(text string, header []string, blank T) (line T, err error) {
	fields, err := split(text, make([]string, 0, len(header)))
	if err != nil {
		return blank, err
	}
	if len(fields) > len(header) {
		return blank, fmt.Errorf("%d fields: the header names %d", len(fields), len(header))
	}
	line = blank
	for i, field := range fields {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		if err := c.Set[header[i]](&line, field); err != nil {
			return blank, err
		}
	}
	return line, nil
}
