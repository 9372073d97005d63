package trunk

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/plugin/federation/directory"
	"github.com/asterfed/asterfed/zone/location"
)

// Source is the By of the bindings made here.
const Source = "trunks"

// Trunk is one way out to the telephone network.
type Trunk struct {
	Name     location.AOR // one label
	Device   pbx.Device
	Provider location.AOR // "" for none
	Capacity uint16       // calls at a time, zero if not known
	Routes   []Route
}

// Route is a block of numbers that a trunk leads to.
type Route struct {
	Kind location.Kind // Prefix or Range
	// Digits are those of the prefix ("" for every number), or the first
	// number of the range; To is its last.
	Digits, To string
	Cost       uint16
}

// Table is what a file comes to: trunks in the order of their first lines.
type Table struct {
	Trunks []*Trunk
	byName map[string]*Trunk // by folded name
}

// line is one line of the file.
type line struct {
	trunk    Trunk
	device   bool // given
	routes   []Route
	cost     uint16
	registry string
}

var columns = directory.Columns[line]{Need: "trunk", List: "trunk, device, registration, provider, route, cost, capacity", Set: map[string]func(*line, string) error{
	"trunk":        func(l *line, s string) (err error) { l.trunk.Name, err = label(s); return err },
	"device":       (*line).setDevice,
	"registration": func(l *line, s string) error { l.registry = s; return nil },
	"provider":     func(l *line, s string) (err error) { l.trunk.Provider, err = label(s); return err },
	"route":        (*line).setRoutes,
	"cost":         func(l *line, s string) (err error) { l.cost, err = number("cost", s); return err },
	"capacity":     func(l *line, s string) (err error) { l.trunk.Capacity, err = number("capacity", s); return err },
}}

// Parse reads a file. Lines that cannot be read are left out and reported, the
// others are kept; err is an error of the file as a whole.
func Parse(r io.Reader) (t *Table, bad directory.Bad, err error) {
	t = &Table{byName: map[string]*Trunk{}}
	if bad, err = columns.Read(r, line{}, t.add); err != nil {
		return nil, bad, err
	}
	return t, bad, nil
}

// add takes one line, wholly or not at all: a trunk's first line says what it
// is, further ones may add routes.
func (t *Table) add(_ int, l line) error {
	if l.trunk.Name == "" {
		return errors.New("no trunk")
	}
	for i := range l.routes {
		l.routes[i].Cost = l.cost
	}
	if known := t.byName[l.trunk.Name.Fold()]; known != nil {
		if l.device && l.trunk.Device.String() != known.Device.String() || l.registry != "" && l.registry != known.Device.Registration ||
			l.trunk.Provider != "" && l.trunk.Provider != known.Provider || l.trunk.Capacity != 0 && l.trunk.Capacity != known.Capacity {
			return fmt.Errorf("trunk %s has another device, registration, provider or capacity in a line above", known.Name)
		}
		known.Routes = append(known.Routes, l.routes...)
		return nil
	}
	n := l.trunk
	if !l.device {
		n.Device = pbx.Device{Kind: location.PJSIP, Name: string(n.Name)}
	}
	if l.registry != "" && n.Device.Kind != location.PJSIP && !strings.Contains(l.registry, "@") {
		return fmt.Errorf("registration %s: want USER@HOST of a device that is not of PJSIP", l.registry)
	}
	n.Device.Registration, n.Routes = l.registry, l.routes
	t.Trunks = append(t.Trunks, &n)
	t.byName[n.Name.Fold()] = &n
	return nil
}
