package location

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unique"
)

// ErrKind is the error of a kind that this version does not know.
var ErrKind = errors.New("unknown kind")

// Details are what a published binding says beyond its name.
type Details struct {
	// Target is the user part of the URI that calls go to. Empty means: what
	// was dialled, or the name; in an Entry, that there is no such URI.
	Target AOR
	// Of is another user, or a number, in whose place the name stands: it is
	// answered as that one is, wherever he lives.
	Of AOR
	// Via is the trunk of the same home that calls to a block of numbers leave
	// by; empty where they stay.
	Via AOR
	// To is the last number of a Range, as long as the first.
	To string
	// Name is the display name, UTF-8.
	Name string
	// By names the source that keeps the binding up to date, "" for updates.
	By string
	// Key names the key of the update that published the binding, without its
	// last dot; "" where a source keeps it, or an earlier version took it.
	Key string
	// Cost ranks bindings of one name, the lowest first.
	Cost uint16
	// Capacity is how many calls a trunk or provider takes at a time, zero
	// where that is not known: its share among equals.
	Capacity uint16
	// Expires ends the binding, in Unix seconds; zero means never.
	Expires int64
}

// Info is a set of Details that fits into a word. Equal details are equal
// infos; the zero value stands for none.
type Info struct{ h unique.Handle[Details] }

// NewInfo returns the info of d.
func NewInfo(d Details) Info {
	if d == (Details{}) {
		return Info{}
	}
	return Info{unique.Make(d)}
}

// Details is the reverse of NewInfo.
func (i Info) Details() Details {
	if i == (Info{}) {
		return Details{}
	}
	return i.h.Value()
}

// maxName is the most octets of a display name.
const maxName = 200

// lastExpiry is the last second that a four-digit year can tell (RFC 3339).
const lastExpiry = 253402300799

// Set takes one "key=value" of the wire form (docs/records.md). It reports
// whether it knows the key.
func (d *Details) Set(key, val string) (known bool, err error) {
	switch key {
	case "u":
		d.Target, err = ParseAOR(val)
	case "of":
		d.Of, err = ParseAOR(val)
	case "via":
		d.Via = AOR(val)
		err = d.Via.checkTrunk()
	case "by":
		d.By = val
		err = checkSource(val)
	case "key":
		d.Key = val
		err = checkKey(val)
	case "to":
		d.To, err = ParseDigits(strings.TrimPrefix(val, "+"))
	case "n":
		d.Name = val
		err = CheckName(val)
	case "cost":
		d.Cost, err = parse16(val)
	case "cap":
		d.Capacity, err = parse16(val)
	case "x":
		var t time.Time
		if t, err = time.Parse(time.RFC3339, val); err == nil {
			d.Expires = t.Unix()
		}
	default:
		return false, nil
	}
	return true, err
}

// check reports which value Set would refuse.
func (d *Details) check() (err error) {
	check := func(there bool, f func() error) {
		if there && err == nil {
			err = f()
		}
	}
	check(d.Target != "", func() error { _, err := ParseAOR(string(d.Target)); return err })
	check(d.Of != "", func() error { _, err := ParseAOR(string(d.Of)); return err })
	check(d.Via != "", d.Via.checkTrunk)
	check(d.By != "", func() error { return checkSource(d.By) })
	check(d.Key != "", func() error { return checkKey(d.Key) })
	check(d.To != "", func() error { _, err := ParseDigits(d.To); return err })
	check(d.Name != "", func() error { return CheckName(d.Name) })
	check(d.Expires < 0 || d.Expires > lastExpiry, func() error {
		return fmt.Errorf("x= at Unix second %d: want a time from 1970 to 9999", d.Expires)
	})
	return err
}

// CheckName reports why a display name cannot be published.
func CheckName(s string) error {
	if s == "" || len(s) > maxName {
		return fmt.Errorf("name %q has %d octets: want 1 to %d", head(s), len(s), maxName)
	}
	return checkText("n", s)
}

func (a AOR) checkTrunk() error {
	_, err := ParseAOR(string(a))
	if err == nil && strings.Contains(string(a), ".") {
		err = fmt.Errorf("via=%s: want the name of a trunk, one label", a)
	}
	return err
}

func checkSource(s string) error {
	if !plainWord(s) {
		return fmt.Errorf("by=%q: want 1 to 20 of a-z", head(s))
	}
	return nil
}

func checkKey(s string) error {
	if s == "" || KeyName(s) != s {
		return fmt.Errorf("key=%q: want 1 to 100 of a-z, 0-9, dot, - and _", head(s))
	}
	return nil
}

func parse16(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

// KeyName returns the name of a TSIG key as Key has it, "" for one that it cannot
// have.
func KeyName(s string) string {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) {
		return ""
	}
	return s
}

func plainWord(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return s != "" && len(s) <= 20
}

// Each calls f with every key and value that Set would take to make d.
func (d Details) Each(f func(key, val string)) {
	if d.Target != "" {
		f("u", string(d.Target))
	}
	if d.Of != "" {
		f("of", string(d.Of))
	}
	if d.Via != "" {
		f("via", string(d.Via))
	}
	if d.To != "" {
		f("to", d.To)
	}
	if d.Name != "" {
		f("n", d.Name)
	}
	if d.By != "" {
		f("by", d.By)
	}
	if d.Key != "" {
		f("key", d.Key)
	}
	if d.Cost != 0 {
		f("cost", strconv.Itoa(int(d.Cost)))
	}
	if d.Capacity != 0 {
		f("cap", strconv.Itoa(int(d.Capacity)))
	}
	if d.Expires != 0 {
		f("x", time.Unix(d.Expires, 0).UTC().Format(time.RFC3339))
	}
}

// ParseDigits checks a number, or the beginning of one, that is published in
// the ENUM tree: 1 to 32 digits.
func ParseDigits(s string) (string, error) {
	if _, ok := AOR(s).Number(); !ok || s[0] == '+' {
		return "", fmt.Errorf("number %q: want 1 to 32 digits", s)
	}
	return s, nil
}

// Publish returns the binding of a kind that no registrar lists, without a
// stamp. It refuses what a receiver would refuse, so that what one node
// publishes all others have. The name of a dialled kind is its digits; none (""
// or ".") is the prefix or wildcard of every number. Its identity, Contact, is
// made of what is bound to what: name, kind, Target, Of, Via and To.
func Publish(k Kind, name string, d Details) (Binding, error) {
	if err := d.check(); err != nil {
		return Binding{}, err
	}
	b := Binding{AOR: AOR(name), Kind: k, Info: NewInfo(d)}
	var err error
	switch {
	case k == User || k == Entry || k.Live():
		b.AOR, err = ParseAOR(name)
	case k.Dialled() && (name == "" || name == ".") && (k == Prefix || k == Wildcard):
		b.AOR = "."
	case k.Dialled():
		_, err = ParseDigits(name)
	case k == Trunk || k == Provider || k == Service:
		if b.AOR, err = ParseAOR(name); err == nil && strings.Contains(name, ".") {
			err = fmt.Errorf("name %q: want one label, without a dot", name)
		}
	default:
		err = fmt.Errorf("a binding of kind %s cannot be published: only registrations make it", k)
	}
	switch {
	case err != nil:
	case k == Range && (len(d.To) != len(name) || d.To < name):
		err = fmt.Errorf("range %s to %q: want a last number of as many digits, not below the first", name, d.To)
	case d.Of != "" && d.Target != "":
		err = fmt.Errorf("u=%s and of=%s: want one of them", d.Target, d.Of)
	case d.Via != "" && (d.Of != "" || !k.Dialled()):
		err = fmt.Errorf("via=%s: want it at numbers that calls go to, not at of= or at k=%s", d.Via, k)
	case d.Capacity != 0 && k != Trunk && k != Provider:
		err = fmt.Errorf("cap=%d: only trunks and providers have a capacity", d.Capacity)
	case k != Range && d.To != "":
		err = fmt.Errorf("to=%s: only a range has a last number", d.To)
	}
	if err != nil {
		return Binding{}, err
	}
	h := fnv.New64a()
	parts := []string{k.String(), b.AOR.Fold(), string(d.Target), string(d.Of), d.To}
	if d.Via != "" {
		parts = append(parts, d.Via.Fold())
	}
	for _, s := range parts {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	b.Contact = ContactID(h.Sum64())
	return b, nil
}

// Digits returns the digits of a dialled kind, "" for the root of the tree.
func (b Binding) Digits() string { return strings.TrimPrefix(string(b.AOR), ".") }
