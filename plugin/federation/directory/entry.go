package directory

import (
	"errors"
	"fmt"
	"hash/maphash"
	"regexp"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// entry is the fields of one line.
type entry struct {
	opt      Options
	user     location.AOR
	numbers  []string
	aliases  []location.AOR
	devices  []location.AOR
	name     string
	fallback location.Details // Target or Of
	homes    []string
}

func (e *entry) setUser(s string) (err error) {
	e.user, err = location.ParseAOR(s)
	return err
}

func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ';' })
}

// setNumbers takes numbers, which may hold spaces: ";" separates them.
func (e *entry) setNumbers(s string) error {
	for n := range strings.SplitSeq(s, ";") {
		if strings.TrimSpace(n) == "" {
			continue
		}
		digits, err := E164(n, e.opt.Region)
		if err != nil {
			return err
		}
		e.numbers = append(e.numbers, digits)
	}
	return nil
}

func aors(s string) (out []location.AOR, err error) {
	for _, f := range fields(s) {
		a, err := location.ParseAOR(f)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (e *entry) setAliases(s string) (err error) {
	e.aliases, err = aors(s)
	return err
}

func (e *entry) setDevices(s string) (err error) {
	e.devices, err = aors(s)
	return err
}

// setFallback takes "user NAME", "number +NUMBER" or "here EXTENSION".
func (e *entry) setFallback(s string) (err error) {
	kind, val, _ := strings.Cut(s, " ")
	val = strings.TrimSpace(val)
	switch kind {
	case "user":
		e.fallback.Of, err = location.ParseAOR(val)
	case "number":
		var digits string
		digits, err = E164(val, e.opt.Region)
		e.fallback.Of = location.AOR("+" + digits)
	case "here":
		e.fallback.Target, err = location.ParseAOR(val)
	default:
		err = fmt.Errorf("fallback %q: want \"user NAME\", \"number +NUMBER\" or \"here EXTENSION\"", s)
	}
	return err
}

var nodeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

func (e *entry) setHomes(s string) error {
	for _, n := range fields(s) {
		if !nodeName.MatchString(n) {
			return fmt.Errorf("home %q: want the name of a node", n)
		}
		e.homes = append(e.homes, n)
	}
	return nil
}

// bindings returns what the line publishes.
func (e *entry) bindings() (out []location.Binding, err error) {
	add := func(k location.Kind, name string, d location.Details) {
		d.By = Source
		b, perr := location.Publish(k, name, d)
		if perr != nil && err == nil {
			err = perr
		}
		out = append(out, b)
	}
	known := e.fallback
	if known.Name = e.name; known != (location.Details{}) || len(e.devices)+len(e.numbers)+len(e.aliases) == 0 {
		add(location.Entry, string(e.user), known)
	}
	for _, n := range e.numbers {
		add(location.Number, n, location.Details{Of: e.user})
	}
	for _, a := range e.aliases {
		add(location.User, string(a), location.Details{Of: e.user})
	}
	for _, dev := range e.devices {
		add(location.User, string(e.user), location.Details{Of: dev})
	}
	return out, err
}

// names returns the user, aliases and numbers, which only one line may have.
func (e *entry) names() []string {
	out := []string{"user " + e.user.Fold()}
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, n := range e.numbers {
		add("number " + n)
	}
	for _, a := range e.aliases {
		add("user " + a.Fold())
	}
	return out
}

// line returns what the entry comes to.
func (e *entry) line() (*line, error) {
	if e.user == "" {
		return nil, errors.New("no user")
	}
	list, err := e.bindings()
	if err != nil {
		return nil, err
	}
	l := &line{homes: e.homes}
	for _, name := range e.names() {
		l.names = append(l.names, nameID(maphash.String(seeds[0], name)))
	}
	if len(e.homes) > 0 {
		l.homed = append(l.homed, e.user.Fold())
		for _, dev := range e.devices {
			l.homed = append(l.homed, dev.Fold())
		}
		if !slices.Contains(e.homes, e.opt.Node) {
			list = nil // theirs to publish
		}
	}
	l.bindings = slices.Clip(list)
	return l, nil
}
