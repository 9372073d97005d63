package location

import "time"

// entry is a binding, in as little memory as a million of them ask for.
type entry struct {
	b    Binding
	next *entry // another contact of the AOR, or of one with the same hash
	seen *seen  // nil until the registrar has listed or announced the contact since this process began
}

// seen is what the registrar has told of a contact.
type seen struct {
	expires int64 // Unix milliseconds, zero where the registrar does not tell
	// baseline is the expiry when rival was first known: only a later one
	// proves a REGISTER after the rival's (a return A→B→A).
	rival    Stamp
	baseline int64
	turn     uint32 // of the listing that had it last
}

// newListed returns an entry that has been listed, both parts in one object: a
// long listing makes many.
func newListed(b Binding) *entry {
	x := &struct {
		entry
		seen
	}{entry: entry{b: b}}
	x.entry.seen = &x.seen
	return &x.entry
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (e *entry) note(c *Contact) {
	if e.seen == nil {
		e.seen = &seen{}
	}
	if x := millis(c.Expires); x != 0 {
		e.seen.expires = x
	}
}

func (e *entry) listedIn(turn uint32) bool { return e.seen != nil && e.seen.turn == turn }
