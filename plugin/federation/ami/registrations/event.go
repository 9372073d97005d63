package registrations

import (
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

const (
	// freshFor is for how long an event may trail behind the listing that
	// showed its contact first.
	freshFor = 5 * time.Second
	// learnDelay is how long after an event the expiry is asked for.
	learnDelay = 100 * time.Millisecond
	// secondLook after a hint, if Asterisk had not stored the refresh yet.
	secondLook = 600 * time.Millisecond
	// reloadDelay lets a reload end before everything is listed again.
	reloadDelay = 500 * time.Millisecond
)

// event takes an event that answers no action.
func (f *follower) event(m *ami.Message) {
	switch string(m.Get(ami.KeyEvent)) {
	case "ContactStatus":
		f.contactStatus(m)
	case "PeerStatus":
		f.peerStatus(m)
	case "SuccessfulAuth":
		if m.Is(ami.KeyService, "PJSIP") {
			f.hint(m.Get(ami.KeyAccountID))
		}
	case "TestEvent": // only builds with the test framework send it
		if m.Is(ami.KeyState, "AOR_CONTACT_REFRESHED") {
			f.hint(m.Get(ami.KeyAOR))
		}
	case "Reload":
		f.full.absent = [kinds]bool{}
		f.full.want(allTechs, time.Now().Add(reloadDelay))
		f.configured.wanted = true
	}
}

func (f *follower) contactStatus(m *ami.Message) {
	a, ok := f.aor(m.Get(ami.KeyAOR))
	uri := m.Get(ami.KeyURI)
	if !ok || len(uri) == 0 || len(uri) > maxURI {
		return
	}
	switch string(m.Get(ami.KeyContactStatus)) {
	case "NonQualified", "Created":
		f.registered(a, string(uri), m.Text(ami.KeyEndpoint))
	case "Removed":
		f.removed(a, string(uri))
	}
	// Reachable and Unreachable are results of qualify, no registrations.
}

// registered handles the announcement of a new PJSIP contact.
func (f *follower) registered(a location.AOR, uri, endpoint string) {
	f.touch(a)
	f.heard.hear(contactKey{a, uri})
	f.full.note(note{aor: a, tech: location.PJSIP, uri: uri})
	u := f.users.user(a)
	if u == nil || u.gone || f.shared() || f.initial && f.young {
		f.queue.wait(a, uri, endpoint, f.full.number)
		f.ask(a, false)
		return
	}
	now := f.cfg.Now()
	at := f.users.moment(now)
	h := u.find(uri)
	switch {
	case h == nil:
		u.contacts = append(u.contacts, held{uri: uri, since: at, announced: true})
	case h.lapsed > 0:
		*h = held{uri: uri, since: at, announced: true}
	case h.announced || h.since == 0 || at-h.since > moment(freshFor):
		// A REGISTER of a contact that Asterisk has already sends no event.
		// This one comes of a reload or a late boot: look, do not believe.
		f.plan.at(u, now.Add(learnDelay))
		return
	default:
		h.announced = true
	}
	if endpoint != "" {
		u.endpoint = endpoint
	}
	f.cfg.Listener.Registered(location.Contact{AOR: a, Kind: location.PJSIP, URI: uri})
	f.plan.at(u, now.Add(learnDelay))
}

func (f *follower) removed(a location.AOR, uri string) {
	f.touch(a)
	f.full.note(note{aor: a, tech: location.PJSIP, uri: uri, removed: true})
	f.queue.unwait(a, uri)
	u := f.users.user(a)
	if u == nil {
		return
	}
	u.remove(uri)
	if len(u.contacts) == 0 {
		u.due = time.Time{} // nothing is left to look at
		delete(f.users.again, u)
	}
	f.cfg.Listener.Removed(a, location.PJSIP, uri)
}

// touch invalidates the listing of an AOR that is under way.
func (f *follower) touch(a location.AOR) {
	if k := f.queue.asks[a]; k != nil {
		k.touched = true
	}
}

// peerStatus handles chan_sip and IAX2.
func (f *follower) peerStatus(m *ami.Message) {
	t, name, ok := ami.Peer(m)
	if !ok {
		return
	}
	a, ok := f.aor(name)
	if !ok {
		return
	}
	switch string(m.Get(ami.KeyPeerStatus)) {
	case "Registered":
		addr := m.Text(ami.KeyAddress)
		if addr == "" || len(addr) > maxURI {
			return
		}
		c := Peer(a, t, addr)
		f.full.note(note{aor: a, tech: t, uri: c.URI})
		f.users.peers[t].registered(a, c.URI, f.cfg.Now())
		f.cfg.Listener.Registered(c)
	case "Unregistered":
		f.full.note(note{aor: a, tech: t, removed: true})
		f.users.peers[t].removed(a)
		f.cfg.Listener.Removed(a, t, "")
	}
}

// hint handles a sign that somebody, given by AOR or endpoint, may have
// refreshed a registration. It matters for a contested AOR and for a lapsed
// contact.
func (f *follower) hint(name []byte) {
	a, rival := f.rivals[string(name)]
	if !rival {
		a = location.AOR(name)
	}
	u := f.users.user(a)
	if u == nil || !rival && !u.lapsed() {
		return
	}
	now := f.cfg.Now()
	f.users.again[u] = now.Add(secondLook)
	f.plan.at(u, now.Add(learnDelay))
}

func (u *user) lapsed() bool {
	for i := range u.contacts {
		if u.contacts[i].lapsed > 0 {
			return true
		}
	}
	return false
}
