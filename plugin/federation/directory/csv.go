package directory

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// maxLine is the most octets of a line. A longer one is left out.
const maxLine = 64 << 10

var errLineTooLong = fmt.Errorf("more than %d octets", maxLine)

// lines reads a CSV file (RFC 4180) line by line. A field cannot hold a line
// break, so that a quote that is not closed spoils one line, not the rest of the
// file. Memory does not depend on what the file holds.
type lines struct {
	in *bufio.Reader
	n  int // number of the line read last, from 1
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, maxLine)} }

// next returns the next line that is neither blank nor a comment, valid until
// the next call, or io.EOF.
func (l *lines) next() ([]byte, error) {
	for {
		b, err := l.in.ReadSlice('\n')
		l.n++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = l.in.ReadSlice('\n')
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			return nil, errLineTooLong
		case err != nil && (!errors.Is(err, io.EOF) || len(b) == 0):
			return nil, err
		}
		b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
		if len(b) > 0 && b[0] != '#' {
			return b, nil
		}
	}
}

// split returns the fields of a line, without the blanks before each.
func split(line string, fields []string) ([]string, error) {
	for {
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if strings.HasPrefix(line, `"`) {
			field, rest, err := quoted(line[1:])
			if err != nil {
				return nil, err
			}
			fields, line = append(fields, field), rest
		} else {
			field, _, _ := strings.Cut(line, ",")
			if strings.Contains(field, `"`) {
				return nil, csv.ErrBareQuote
			}
			fields, line = append(fields, field), line[len(field):]
		}
		if line == "" {
			return fields, nil
		}
		if line[0] != ',' {
			return nil, csv.ErrQuote
		}
		line = line[1:]
	}
}

// quoted returns the field that a quote has begun, and what stands behind its
// end.
func quoted(s string) (field, rest string, err error) {
	for {
		part, after, closed := strings.Cut(s, `"`)
		if !closed {
			return "", "", errors.New(`a quote (") that is not closed on its line`)
		}
		field += part
		if !strings.HasPrefix(after, `"`) {
			return field, after, nil
		}
		field, s = field+`"`, after[1:]
	}
}
