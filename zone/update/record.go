package update

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// versioned returns rr with the version in front. A person who types a record may
// leave it out or put it elsewhere.
func versioned(rr *dns.TXT) *dns.TXT {
	out := &dns.TXT{Hdr: rr.Hdr, Txt: []string{record.TXTVersion}}
	for _, s := range rr.Txt {
		if s != record.TXTVersion {
			out.Txt = append(out.Txt, s)
		}
	}
	return out
}

// kindOf returns the kind that a record claims to be of.
func kindOf(rr *dns.TXT) (location.Kind, error) {
	for _, s := range rr.Txt {
		if val, ok := strings.CutPrefix(s, "k="); ok {
			return location.ParseKind(val)
		}
	}
	return 0, fmt.Errorf("k= is missing: want k=number, k=user and so on")
}

// parseAdded reads a record that is to be added. Unlike one that a peer sends,
// it comes from somebody who can correct it: an unknown key, or one that stands there
// twice, is an error. The contact is the zone's own and is ignored.
// t= is returned as it stands: the rules say who may use it.
func (t *transaction) parseAdded(rr *dns.TXT) (b location.Binding, since string, err error) {
	in := versioned(rr)
	out := &dns.TXT{Hdr: in.Hdr, Txt: in.Txt[:1:1]}
	seen := map[string]bool{}
	for _, s := range in.Txt[1:] {
		key, val, ok := strings.Cut(s, "=")
		switch {
		case !ok:
			return b, "", fmt.Errorf("%q: want key=value, each in quotes of its own", s)
		case seen[key]:
			return b, "", fmt.Errorf("%s= stands there twice", key)
		case key == "c", key == "key": // the home's own
			continue
		case !slices.Contains([]string{"k", "u", "of", "to", "via", "n", "cost", "cap", "t", "x"}, key):
			return b, "", fmt.Errorf("%s= is not known here: want k=, u=, of=, to=, via=, n=, cost=, cap=, t= or x=", key)
		}
		seen[key] = true
		if key == "t" {
			since = s
			continue
		}
		if key == "x" {
			x, err := t.expires(val)
			if err != nil {
				return b, "", err
			}
			s = "x=" + x.UTC().Format(time.RFC3339)
		}
		out.Txt = append(out.Txt, s)
	}
	b, _, err = record.ParseTXT(out, t.apex)
	return b, since, err
}

// stamp reads t=: a time, "-" and how long ago, or a stamp as a transfer shows it.
// A time that has not come is now: nobody can claim a name in advance.
func (t *transaction) stamp(since string) (location.Stamp, error) {
	val := strings.TrimPrefix(since, "t=")
	latest := location.StampAt(t.now)
	if s, ok := location.Hex16(strings.ToLower(val)); ok {
		return min(location.Stamp(s), latest), nil
	}
	at, err := time.Parse(time.RFC3339, val)
	if ago, ok := strings.CutPrefix(val, "-"); ok {
		var d time.Duration
		if d, err = parseSpan(ago); err == nil {
			at = t.now.Add(-d)
		}
	}
	if err != nil || at.Unix() <= 0 {
		return 0, fmt.Errorf("t=%s: want a time such as %s, or -90s, or a stamp of 16 hexadecimal digits", val, t.now.UTC().Format(time.RFC3339Nano))
	}
	return min(location.StampAt(at), latest), nil
}

// expires reads x=: a time, or "+" and how long from now. What has ended
// already is an error.
func (t *transaction) expires(val string) (time.Time, error) {
	x, err := time.Parse(time.RFC3339, val)
	if after, ok := strings.CutPrefix(val, "+"); ok {
		var d time.Duration
		if d, err = parseSpan(after); err == nil {
			x = t.now.Add(d + time.Second - 1).Truncate(time.Second) // not sooner
		}
	}
	switch {
	case err != nil || x.Year() > 9999:
		return x, fmt.Errorf("x=%s: want a time such as %s, or +1h30m, or +7d", val, t.now.UTC().Format(time.RFC3339))
	case !x.After(t.now):
		return x, fmt.Errorf("x=%s has passed", val)
	}
	return x, nil
}

// parseSpan reads a Go duration, or a number of days: "90m", "7d".
func parseSpan(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(s)
	if err == nil && d <= 0 {
		err = fmt.Errorf("duration %q: want one above zero", s)
	}
	return d, err
}

// parseDeleted reads a record that is to be deleted, and returns which of the
// bindings at its name it means: those of the same kind with the same u=, of=,
// via= and to=, where "*" stands for any. All else does not count, so that the form
// that was typed and the one that a transfer shows mean the same.
func parseDeleted(rr *dns.TXT) (kind location.Kind, means func(location.Binding) bool, err error) {
	if kind, err = kindOf(rr); err != nil {
		return 0, nil, err
	}
	var d location.Details
	every := map[string]bool{}
	for _, s := range rr.Txt {
		key, val, _ := strings.Cut(s, "=")
		if key != "u" && key != "of" && key != "via" && key != "to" {
			continue
		}
		if val == "*" {
			every[key] = true
		} else if _, err := d.Set(key, val); err != nil {
			return 0, nil, err
		}
	}
	return kind, func(b location.Binding) bool {
		have := b.Info.Details()
		return b.Kind == kind && (every["u"] || have.Target == d.Target) &&
			(every["of"] || have.Of == d.Of) && (every["via"] || have.Via.Fold() == d.Via.Fold()) && (every["to"] || have.To == d.To)
	}, nil
}
