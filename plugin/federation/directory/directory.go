package directory

import (
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
	// Lines counts the lines by the homes that they name, none left out.
	Lines map[Homes]int
	homes map[string][]string
}

// Homes are the homes that a line names, separated by blanks.
type Homes string

// Names returns the names of the nodes.
func (h Homes) Names() []string { return strings.Fields(string(h)) }

// Allows reports whether the user may have a home on the node.
func (d *Directory) Allows(a location.AOR, node string) bool {
	if d == nil {
		return true
	}
	homes := d.homes[a.Fold()]
	return len(homes) == 0 || slices.Contains(homes, node)
}

// columns are those of the file. Several values in one field are separated by
// spaces or ";".
var columns = Columns[entry]{Need: "user", List: "user, number, alias, device, name, fallback, home", Set: map[string]func(*entry, string) error{
	"user":     (*entry).setUser,
	"number":   (*entry).setNumbers,
	"alias":    (*entry).setAliases,
	"device":   (*entry).setDevices,
	"name":     func(e *entry, s string) error { e.name = s; return nil },
	"fallback": (*entry).setFallback,
	"home":     (*entry).setHomes,
}}

// Parse reads a file. Lines that cannot be read are left out and reported, the
// others are kept; err is an error of the file as a whole: without a header
// that can be understood there is nothing to keep.
func Parse(r io.Reader, opt Options) (d *Directory, bad []BadLine, err error) {
	b := builder{opt: opt, d: &Directory{homes: map[string][]string{}, Lines: map[Homes]int{}}, owner: map[string]int{}}
	if bad, err = columns.Read(r, entry{opt: opt}, b.add); err != nil {
		return nil, bad, err
	}
	return b.d, bad, nil
}

// builder collects the lines.
type builder struct {
	opt   Options
	d     *Directory
	owner map[string]int // line that a user, alias or number belongs to
}

// add takes one line, wholly or not at all.
func (b *builder) add(line int, e entry) error {
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
		b.d.Lines[Homes(strings.Join(e.homes, " "))]++
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
