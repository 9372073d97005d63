package trunk

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/location"
)

func label(s string) (location.AOR, error) {
	a, err := location.ParseAOR(s)
	if err == nil && strings.Contains(s, ".") {
		err = fmt.Errorf("name %q: want one label, without a dot", s)
	}
	return a, err
}

func number(what, s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%s %q: want 0 to 65535", what, s)
	}
	return uint16(n), nil
}

func (l *line) setDevice(s string) (err error) {
	l.trunk.Device, err = pbx.ParseDevice(s)
	l.device = true
	return err
}

// setRoutes takes "+49; +4930; +493000-+493999"; "+" alone is every number.
func (l *line) setRoutes(s string) error {
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == ';' }) {
		first, last, span := strings.Cut(f, "-")
		lo, err := international(first)
		if err != nil {
			return fmt.Errorf("route %q: %w", f, err)
		}
		r := Route{Kind: location.Prefix, Digits: lo}
		if span {
			if r.To, err = international(last); err != nil {
				return fmt.Errorf("route %q: %w", f, err)
			}
			r.Kind = location.Range
		}
		if _, err := location.Publish(r.Kind, r.Digits, location.Details{To: r.To}); err != nil {
			return err
		}
		l.routes = append(l.routes, r)
	}
	return nil
}

// international returns the digits of "+49", none for "+".
func international(s string) (string, error) {
	digits, ok := strings.CutPrefix(s, "+")
	if !ok {
		return "", fmt.Errorf("want + and digits, or + alone for every number")
	}
	if digits == "" {
		return "", nil
	}
	return location.ParseDigits(digits)
}

// Devices returns the devices of all trunks.
func (t *Table) Devices() []pbx.Device {
	var out []pbx.Device
	if t != nil {
		for _, x := range t.Trunks {
			out = append(out, x.Device)
		}
	}
	return out
}

// Bindings returns what is published while only the devices that up names can
// be used: the trunk, its provider and its routes.
func (t *Table) Bindings(up func(pbx.Device) bool) (out []location.Binding, err error) {
	if t == nil {
		return nil, nil
	}
	providers := map[location.AOR]*location.Details{}
	var order []location.AOR
	add := func(k location.Kind, name string, d location.Details) {
		d.By = Source
		b, perr := location.Publish(k, name, d)
		if perr != nil && err == nil {
			err = perr
		}
		out = append(out, b)
	}
	for _, x := range t.Trunks {
		if !up(x.Device) {
			continue
		}
		cost := x.cost()
		add(location.Trunk, string(x.Name), location.Details{Cost: cost, Capacity: x.Capacity})
		for _, r := range x.Routes {
			add(r.Kind, r.Digits, location.Details{Via: x.Name, To: r.To, Cost: r.Cost})
		}
		if x.Provider == "" {
			continue
		}
		p := providers[x.Provider]
		if p == nil {
			p = &location.Details{Cost: cost}
			providers[x.Provider] = p
			order = append(order, x.Provider)
		}
		p.Cost = min(p.Cost, cost)
		p.Capacity = uint16(min(int(p.Capacity)+int(x.Capacity), 1<<16-1))
	}
	for _, name := range order {
		add(location.Provider, string(name), *providers[name])
	}
	return out, err
}

// cost returns the lowest cost of the trunk's routes.
func (x *Trunk) cost() uint16 {
	if len(x.Routes) == 0 {
		return 0
	}
	low := x.Routes[0].Cost
	for _, r := range x.Routes {
		low = min(low, r.Cost)
	}
	return low
}
