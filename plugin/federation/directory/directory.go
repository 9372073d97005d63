package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// Source is the By of the bindings made here.
const Source = "directory"

// Options say where the file is read.
type Options struct {
	Node   string // this node: what is for other homes is left out
	Region string // ISO 3166 region of numbers without "+", "" for none
}

// Directory is what a file comes to.
type Directory struct {
	// Bindings are what this node publishes, without stamps.
	Bindings []location.Binding
	homes    map[string][]string
}

// Allows reports whether the user may have a home on the node.
func (d *Directory) Allows(a location.AOR, node string) bool {
	if d == nil {
		return true
	}
	homes := d.homes[a.Fold()]
	return len(homes) == 0 || slices.Contains(homes, node)
}

// BadLine is a line that was left out, with its number, from 1.
type BadLine struct {
	Line int
	Err  error
}

func (b BadLine) Error() string { return fmt.Sprintf("line %d: %v", b.Line, b.Err) }
func (b BadLine) Unwrap() error { return b.Err }

// columns are the words that the header may hold, in any order; "user" must be
// there. Several values in one field are separated by spaces or ";".
var columns = map[string]func(*entry, string) error{
	"user":     (*entry).setUser,
	"number":   (*entry).setNumbers,
	"alias":    (*entry).setAliases,
	"device":   (*entry).setDevices,
	"name":     func(e *entry, s string) error { e.name = s; return nil },
	"fallback": (*entry).setFallback,
	"home":     (*entry).setHomes,
}

const columnList = "user, number, alias, device, name, fallback, home"

// Parse reads a file. Lines that cannot be read are left out and reported, the
// others are kept; err is an error of the file as a whole: without a header
// that can be understood there is nothing to keep.
func Parse(r io.Reader, opt Options) (d *Directory, bad []BadLine, err error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.TrimLeadingSpace, in.Comment = -1, true, '#'
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("no header: the first line names the columns: %s", columnList)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := checkHeader(header); err != nil {
		return nil, nil, err
	}
	b := builder{opt: opt, d: &Directory{homes: map[string][]string{}}, owner: map[string]int{}}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return b.d, bad, nil
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			bad = append(bad, BadLine{parse.StartLine, parse.Err})
			continue
		}
		if err != nil {
			return nil, bad, err
		}
		line, _ := in.FieldPos(0) // panics for a record that could not be read
		if err := b.add(line, header, record); err != nil {
			bad = append(bad, BadLine{line, err})
		}
	}
}

func checkHeader(header []string) error {
	seen := map[string]bool{}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		switch {
		case columns[h] == nil:
			return fmt.Errorf("line 1: column %q: want some of %s", h, columnList)
		case seen[h]:
			return fmt.Errorf("line 1: column %q is there twice", h)
		}
		header[i], seen[h] = h, true
	}
	if !seen["user"] {
		return fmt.Errorf("line 1: no column \"user\": want some of %s", columnList)
	}
	return nil
}

// builder collects the lines.
type builder struct {
	opt   Options
	d     *Directory
	owner map[string]int // line that a user, alias or number belongs to
}

// add takes one line, wholly or not at all.
func (b *builder) add(line int, header, record []string) error {
	if len(record) > len(header) {
		return fmt.Errorf("%d fields: the header names %d", len(record), len(header))
	}
	e := entry{opt: b.opt}
	for i, field := range record {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		if err := columns[header[i]](&e, field); err != nil {
			return err
		}
	}
	if e.user == "" {
		return errors.New("no user")
	}
	list, err := e.bindings()
	if err != nil {
		return err
	}
	names := []string{"user " + e.user.Fold()}
	for _, x := range list {
		if x.Kind != location.Entry && x.AOR != e.user {
			names = append(names, x.Kind.String()+" "+x.AOR.Fold())
		}
	}
	for _, n := range names {
		if other, taken := b.owner[n]; taken && other != line {
			return fmt.Errorf("%s stands in line %d already", n, other)
		}
	}
	for _, n := range names {
		b.owner[n] = line
	}
	if len(e.homes) > 0 {
		b.d.homes[e.user.Fold()] = e.homes
		for _, dev := range e.devices {
			b.d.homes[dev.Fold()] = e.homes
		}
		if !slices.Contains(e.homes, b.opt.Node) {
			return nil // theirs to publish
		}
	}
	b.d.Bindings = append(b.d.Bindings, list...)
	return nil
}
