package directory

import (
	"fmt"
	"hash/maphash"
	"io"
	"iter"
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

// Directory is one version of the file. It is not changed any more, and safe for
// concurrent use.
type Directory struct {
	// Lines counts the lines by the homes that they name, none left out.
	Lines map[Homes]int
	// Len is the number of bindings that this node publishes.
	Len int

	opt    Options
	header string
	lines  map[lineID]*line
	homes  map[string][]string
}

// Homes are the homes that a line names, separated by blanks.
type Homes string

// Names returns the names of the nodes.
func (h Homes) Names() []string { return strings.Fields(string(h)) }

// line is a line that was taken. It depends on its text alone, so that the next
// version of the file shares it.
type line struct {
	bindings []location.Binding // that this node publishes
	names    []nameID           // that no other line may have
	homes    []string
	homed    []string // users and devices, folded, that the homes are for
}

// lineID stands for the text of a line, nameID for a user, alias or number.
// Nobody outside can make two texts that share one, since the seeds are random.
type (
	lineID [2]uint64
	nameID uint64
)

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func identify(text []byte) lineID {
	return lineID{maphash.Bytes(seeds[0], text), maphash.Bytes(seeds[1], text)}
}

// all returns the bindings that this node publishes, without stamps, in no
// particular order.
func (d *Directory) all() iter.Seq[location.Binding] {
	return func(yield func(location.Binding) bool) {
		if d == nil {
			return
		}
		for _, l := range d.lines {
			for _, b := range l.bindings {
				if !yield(b) {
					return
				}
			}
		}
	}
}

// Since returns the bindings that lines have which an earlier version of the
// file had not, and those of the lines that it had. A binding may be in both.
func (d *Directory) Since(earlier *Directory) (added, removed []location.Binding) {
	return d.beyond(earlier), earlier.beyond(d)
}

// beyond returns the bindings of lines that the other version has not.
func (d *Directory) beyond(other *Directory) (out []location.Binding) {
	if d == nil {
		return nil
	}
	for id, l := range d.lines {
		if other == nil || other.lines[id] == nil {
			out = append(out, l.bindings...)
		}
	}
	return out
}

// Allows reports whether the user may have a home on the node.
func (d *Directory) Allows(a location.AOR, node string) bool {
	if d == nil || len(d.homes) == 0 {
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

// Parse reads a file. Lines that cannot be read are left out and counted, the
// others are kept; err is an error of the file as a whole: without a header that
// can be understood there is nothing to keep. The last version may be nil; lines
// that it has are not parsed again.
func Parse(r io.Reader, opt Options, last *Directory) (*Directory, Bad, error) {
	in, header, err := columns.open(r)
	if err != nil {
		return nil, Bad{}, err
	}
	d := &Directory{opt: opt, header: strings.Join(header, ","), lines: map[lineID]*line{}, homes: map[string][]string{}, Lines: map[Homes]int{}}
	if last != nil && (last.opt != opt || last.header != d.header) {
		last = nil
	}
	b := builder{d: d, owner: map[nameID]int{}}
	if last != nil {
		d.lines = make(map[lineID]*line, len(last.lines))
		b.owner = make(map[nameID]int, 3*len(last.lines))
	}
	bad, err := in.each(func(n int, text []byte) error {
		id := identify(text)
		var l *line
		if last != nil {
			l = last.lines[id]
		}
		if l != nil && b.add(n, id, l) == nil {
			return nil
		}
		e, err := columns.parse(string(text), header, entry{opt: opt})
		if err != nil {
			return err
		}
		if l, err = e.line(); err != nil {
			return err
		}
		if taken := b.add(n, id, l); taken != nil {
			return fmt.Errorf("%s stands in line %d already", e.names()[taken.at], taken.line)
		}
		return nil
	})
	if err != nil {
		return nil, bad, err
	}
	return d, bad, nil
}

// builder collects the lines of a file.
type builder struct {
	d     *Directory
	owner map[nameID]int // line that has a name
}

// taken is a name of a line, by its index, that another line has.
type taken struct{ at, line int }

// add takes one line, wholly or not at all.
func (b *builder) add(n int, id lineID, l *line) *taken {
	for i, name := range l.names {
		if other := b.owner[name]; other != 0 {
			return &taken{i, other}
		}
	}
	for _, name := range l.names {
		b.owner[name] = n
	}
	b.d.lines[id] = l
	b.d.Len += len(l.bindings)
	if len(l.homes) > 0 {
		b.d.Lines[Homes(strings.Join(l.homes, " "))]++
		for _, a := range l.homed {
			b.d.homes[a] = l.homes
		}
	}
	return nil
}
