package primary

import (
	"runtime"
	"strings"
	"sync"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// parseSnapshot reads the lines of a first batch, on every core, if they are
// what Rewrite makes of registrations, and the apex record. All else is not
// ok, and for record.ParseChange. The bindings share the memory of the text.
func (j *Journal) parseSnapshot(lines string) (all []location.Binding, node *record.Node, ok bool) {
	if apex, rest, ok := strings.Cut(lines, "\n"); ok && strings.HasPrefix(apex, "@ ") {
		n, err := j.parseApex(apex[2:])
		if err != nil {
			return nil, nil, false
		}
		node, lines = n, rest
	}
	all = make([]location.Binding, strings.Count(lines, "\n"))
	type part struct {
		text string
		into []location.Binding
	}
	var parts []part
	const octets = 1 << 20
	for left := all; len(lines) > 0; {
		end := len(lines)
		if end > octets {
			end = octets + strings.IndexByte(lines[octets:], '\n') + 1 // each line has its end
		}
		n := strings.Count(lines[:end], "\n")
		parts = append(parts, part{lines[:end], left[:n]})
		lines, left = lines[end:], left[n:]
	}
	good := make([]bool, len(parts))
	var turn sync.Mutex
	next := 0
	var workers sync.WaitGroup
	for range min(len(parts), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for {
				turn.Lock()
				i := next
				next++
				turn.Unlock()
				if i >= len(parts) {
					return
				}
				good[i] = parseKept(parts[i].text, parts[i].into)
			}
		})
	}
	workers.Wait()
	for _, g := range good {
		if !g {
			return nil, nil, false
		}
	}
	return all, node, true
}

// parseKept reads one line for each binding.
func parseKept(text string, into []location.Binding) bool {
	for i := range into {
		line, rest, _ := strings.Cut(text, "\n")
		if text = rest; !parseRegistration(line, &into[i]) {
			return false
		}
	}
	return true
}

// parseRegistration reads "+ aor kind contact stamp" as record.AppendLine writes it
// for a registration.
func parseRegistration(line string, b *location.Binding) bool {
	const tail = 2 * (1 + 16) // contact and stamp
	if len(line) < 2+tail || line[0] != '+' || line[1] != ' ' {
		return false
	}
	names, ids := line[2:len(line)-tail], line[len(line)-tail:]
	if ids[0] != ' ' || ids[17] != ' ' {
		return false
	}
	aor, kind, _ := strings.Cut(names, " ")
	var ok bool
	if b.Kind, ok = location.RegisteredKind(kind); !ok {
		return false
	}
	contact, ok := location.Hex16(ids[1:17])
	stamp, also := location.Hex16(ids[18:])
	if !ok || !also {
		return false
	}
	var err error
	b.AOR, err = location.ParseAOR(aor)
	b.Contact, b.Stamp = location.ContactID(contact), location.Stamp(stamp)
	return err == nil
}
