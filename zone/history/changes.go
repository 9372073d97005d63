package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/view"
)

// Event is one thing that has changed for a name.
type Event struct {
	At      time.Time
	What    string // "added", "removed", "renewed", "node", "start" or "gap"
	Home    string
	Binding location.Binding // of the first three
	Was, Is string           // of a node, in words; of a gap, how many
}

// Changes returns what has changed for qname, newest first, limit at most: its
// claims and those of whom it stands for, the homes that they are at, starts of
// this node, and gaps.
func (l *Log) Changes(v *answer.Zone, qname string, limit int) ([]Event, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	wanted := map[view.Key]bool{}
	for _, key := range v.KeysAt(qname) {
		wanted[key] = true
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("%w of %s: only of users, numbers, trunks, providers and services", ErrNone, qname)
	}
	for round := 1; ; round++ {
		var out []Event
		more := false
		homes := map[string]bool{}
		follow := func(list []view.Claimed) {
			for _, c := range list {
				homes[c.Home] = true
				for _, key := range view.KeysOf(c.Binding) {
					more = more || !wanted[key]
					wanted[key] = true
				}
			}
		}
		for key := range wanted {
			follow(v.Claims(key))
		}
		_, err := l.scan(besides(wanted), func(r entry) {
			follow(r.was)
			follow(r.now)
			if out = append(out, events(r)...); len(out) > 4*limit+1000 { // the latest count
				out = slices.Delete(out, 0, len(out)-2*limit-500)
			}
		})
		if err != nil {
			return nil, err
		}
		if more && round < maxRounds {
			continue
		}
		out = slices.DeleteFunc(out, func(e Event) bool { return e.What == "node" && !homes[e.Home] })
		slices.Reverse(out)
		return out[:min(len(out), limit)], nil
	}
}

// events takes a record apart.
func events(r entry) (out []Event) {
	node, home := r.home()
	switch {
	case home:
		if was, is := inWords(r.from), inWords(r.to); was != is {
			return []Event{{At: r.at, What: "node", Home: node, Was: was, Is: is}}
		}
		return nil
	case r.key == startKey:
		return []Event{{At: r.at, What: "start"}}
	case r.key == gapKey:
		return []Event{{At: r.at, What: "gap", Is: r.text}}
	}
	for _, c := range r.was {
		if !slices.ContainsFunc(r.now, func(o view.Claimed) bool { return same(c, o) }) {
			out = append(out, Event{At: r.at, What: "removed", Home: c.Home, Binding: c.Binding})
		}
	}
	for _, c := range r.now {
		i := slices.IndexFunc(r.was, func(o view.Claimed) bool { return same(c, o) })
		switch {
		case i < 0:
			out = append(out, Event{At: r.at, What: "added", Home: c.Home, Binding: c.Binding})
		case r.was[i] != c:
			out = append(out, Event{At: r.at, What: "renewed", Home: c.Home, Binding: c.Binding})
		}
	}
	return out
}

func same(a, b view.Claimed) bool {
	return a.Home == b.Home && a.Binding.AOR == b.Binding.AOR && a.Binding.Kind == b.Binding.Kind && a.Binding.Contact == b.Binding.Contact
}

// inWords says how a home was: its reach, and what it said of itself.
func inWords(s view.HomeState) string {
	if len(s.Node) == 0 {
		return "unknown"
	}
	state := "up"
	for _, t := range s.Node {
		if val, ok := strings.CutPrefix(t, "state="); ok {
			state = val
		}
	}
	return s.Reach.String() + " " + state
}
