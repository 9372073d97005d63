package record

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// ErrLine is the error of a line that stands for no change. One that does, but of a
// binding that must not be published, has another.
var ErrLine = errors.New(`want "+ aor kind contact stamp"`)

// ParseChange reads a line of AppendLine.
func ParseChange(line string) (location.Change, error) {
	f := strings.Fields(line)
	if len(f) < 5 || f[0] != "+" && f[0] != "-" {
		return location.Change{}, fmt.Errorf("%q: %w", line, ErrLine)
	}
	b, err := parseLine(f[1:])
	if err != nil {
		return location.Change{}, err
	}
	if f[0] == "+" {
		return location.Change{New: b}, nil
	}
	return location.Change{Old: b}, nil
}

// parseLine reads the fields of a binding.
func parseLine(f []string) (b location.Binding, err error) {
	if b.Kind, err = location.ParseKind(f[1]); err != nil {
		return b, err
	}
	contact, err := location.ParseContactID(f[2])
	if err != nil {
		return b, err
	}
	stamp, err := location.ParseStamp(f[3])
	if err != nil {
		return b, err
	}
	aor := strings.Clone(f[0]) // the rest of the file need not stay
	if b.Kind.Registered() {
		b.AOR, err = location.ParseAOR(aor)
	} else {
		b, err = parsePublished(b.Kind, aor, f[4:])
		contact = b.Contact
	}
	b.Contact, b.Stamp = contact, stamp
	return b, err
}

func parsePublished(k location.Kind, name string, details []string) (location.Binding, error) {
	var d location.Details
	for _, s := range details {
		key, val, _ := strings.Cut(s, "=")
		val, err := url.QueryUnescape(val)
		if err == nil {
			_, err = d.Set(key, val)
		}
		if err != nil {
			return location.Binding{}, fmt.Errorf("%q: %w", s, err)
		}
	}
	return location.Publish(k, name, d)
}

// AppendLine appends a line of a journal: "+" or "-", and a binding.
func AppendLine(b []byte, op byte, x *location.Binding) []byte {
	return append(AppendBinding(append(b, op, ' '), x), '\n')
}

// AppendBinding appends a binding as text, in one line without its end.
func AppendBinding(b []byte, x *location.Binding) []byte {
	b = append(append(b, x.AOR...), ' ')
	b = append(append(b, x.Kind.String()...), ' ')
	b = append(x.Contact.Append(b), ' ')
	b = x.Stamp.Append(b)
	if x.Info != (location.Info{}) {
		x.Info.Details().Each(func(key, val string) {
			b = append(append(append(append(b, ' '), key...), '='), url.QueryEscape(val)...)
		})
	}
	return b
}
