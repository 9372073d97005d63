package registrations

import (
	"slices"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// table holds the users of one Asterisk: the AORs that ever had a registered
// PJSIP contact in a listing since the process began. It outlives a
// connection. chan_sip and IAX2 need no such memory: only what registers has
// a Registered event there.
type table struct {
	byAOR map[location.AOR]*user
	// size is the number of contacts in the last full listing of each
	// technology, sized whether there was one.
	size     [location.IAX2 + 1]int
	sized    [location.IAX2 + 1]bool
	sweeps   uint64              // full PJSIP listings delivered
	aorLists uint32              // listings of AORs begun
	passes   uint32              // PJSIP listings delivered, those of single AORs included
	again    map[*user]time.Time // when a few are to be looked at once more
	born     time.Time           // moments are counted from it
	others   map[string]int      // contacts of other RegServers in the last listing
	former   map[string]int      // contacts of this Asterisk under other names, likewise
	// bare are the chan_sip and IAX2 peers that this run of Asterisk has listed
	// without an address, denied the AORs that were not permitted once.
	bare, denied map[location.AOR]bool
	// peers are those of chan_sip and IAX2 that were announced.
	peers [location.IAX2 + 1]peers
}

// user is one AOR.
type user struct {
	aor      location.AOR
	endpoint string // as Asterisk names it, for PJSIPShowEndpoint
	contacts []held
	due      time.Time // when the AOR is to be listed again; zero: never
	listed   uint64    // number of the last full listing that had the AOR
	// configured is the number of the last listing of AORs that had it; gone
	// says that it is not configured any more.
	configured uint32
	gone       bool
	room       [1]held // for contacts: most users have one
}

// held is one contact of a user as last reported.
type held struct {
	uri     string
	expires int64 // Unix seconds, zero where Asterisk does not tell
	// since is when it was first reported, zero if it was there when the
	// connection began.
	since moment
	// lapsed counts the looks at it since its expiry passed. It is no longer
	// passed on, but Asterisk still has it, and a late refresh would revive
	// it without an event.
	lapsed uint8
	// announced: passed on by Registered since.
	announced bool
	pass      uint32 // number of the last listing that had it
}

func newTable(now time.Time) table {
	return table{born: now, again: map[*user]time.Time{}, byAOR: map[location.AOR]*user{},
		bare: map[location.AOR]bool{}, denied: map[location.AOR]bool{}}
}

// sweep numbers the full listing under way among those of all connections.
func (t *table) sweep() uint64 { return t.sweeps + 1 }

func (t *table) user(a location.AOR) *user { return t.byAOR[a] }

// expect makes room for so many users in a table that has none.
func (t *table) expect(n int) {
	if len(t.byAOR) == 0 {
		t.byAOR = make(map[location.AOR]*user, n)
	}
}

// moment is a time since a Source was made, in nanoseconds: of every contact, so
// that it is a word where a time.Time has three. Zero stands for none.
type moment int64

func (t *table) moment(now time.Time) moment { return moment(max(0, now.Sub(t.born)) + 1) }

// pass is a listing, of all contacts or of an AOR's, as it is taken in.
type pass struct {
	number uint32
	now    time.Time // by Config.Now
	at     moment
}

func (t *table) pass(now time.Time) pass {
	t.passes++
	return pass{t.passes, now, t.moment(now)}
}

// add returns the user of the AOR, new if need be.
func (t *table) add(a location.AOR) *user {
	u := t.byAOR[a]
	if u == nil {
		u = &user{aor: a}
		u.contacts = u.room[:0]
		t.byAOR[a] = u
	}
	return u
}

// known is find for a text that nobody keeps; u may be nil.
func (u *user) known(uri []byte) *held {
	for i := 0; u != nil && i < len(u.contacts); i++ {
		if u.contacts[i].uri == string(uri) {
			return &u.contacts[i]
		}
	}
	return nil
}

func (u *user) find(uri string) *held {
	for i := range u.contacts {
		if u.contacts[i].uri == uri {
			return &u.contacts[i]
		}
	}
	return nil
}

func (u *user) remove(uri string) {
	for i := range u.contacts {
		if u.contacts[i].uri == uri {
			u.contacts = slices.Delete(u.contacts, i, i+1)
			return
		}
	}
}

// lapsePolls is after how long a lapsed contact is looked at again. Asterisk
// removes it within 30 s (contact_expiration_check_interval).
var lapsePolls = [...]time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second}

// expiryGrace is how long after the expiry a contact is looked at: a phone
// that refreshes at the last moment has done so by then.
const expiryGrace = 300 * time.Millisecond

// nextDue returns when the user's contacts want another look, zero if never.
func (u *user) nextDue(now time.Time) time.Time {
	var due time.Time
	for i := range u.contacts {
		c := &u.contacts[i]
		var at time.Time
		switch {
		case int(c.lapsed) > len(lapsePolls), c.expires == 0:
			continue
		case c.lapsed > 0:
			at = now.Add(lapsePolls[c.lapsed-1])
		default:
			at = time.Unix(c.expires, 0).Add(expiryGrace)
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return due
}

// merge adds or updates a contact that a listing shows. Revived says that it
// had lapsed and was refreshed since, which proves a REGISTER.
func (u *user) merge(c *row, p pass) (h *held, revived bool) {
	if h = u.find(c.uri); h == nil {
		u.contacts = append(u.contacts, held{uri: c.uri, since: p.at})
		h = &u.contacts[len(u.contacts)-1]
	}
	lapsedAt := h.expires
	h.expires, h.pass = c.expires, p.number
	switch {
	case expired(c.expires, p.now):
		h.lapsed = min(h.lapsed, uint8(len(lapsePolls))) + 1
		h.announced = false
	case h.lapsed > 0 && c.expires != 0 && c.expires <= lapsedAt: // the clock was set back
		h.lapsed = 0
	case h.lapsed > 0:
		h.lapsed, h.since, h.announced, revived = 0, p.at, true, true
	}
	return h, revived
}

// settle drops the contacts that a listing lacks.
func (u *user) settle(p pass) {
	u.contacts = slices.DeleteFunc(u.contacts, func(h held) bool { return h.pass != p.number })
}
