package ami

import (
	"bytes"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

const (
	// freshFor is for how long an event may trail behind the listing that
	// showed its contact first.
	freshFor = 5 * time.Second
	// bootUptime is up to which uptime, in seconds, Asterisk may still be
	// announcing the contacts of its database.
	bootUptime = 60
	// learnDelay is how long after an event the expiry is asked for.
	learnDelay = 100 * time.Millisecond
	// secondLook after a hint, if Asterisk had not stored the refresh yet.
	secondLook = 600 * time.Millisecond
	// reloadDelay lets a reload end before everything is listed again.
	reloadDelay = 500 * time.Millisecond
)

// event handles an event that answers no action.
func (s *session) event(m *message) error {
	name := m.get(keyEvent)
	if !s.booted {
		switch string(name) {
		case "FullyBooted":
			s.starts = starts{}
			uptime, ok := m.number(keyUptime)
			return s.fullyBooted(uptime, ok)
		case "Shutdown":
			return errShutdown
		}
		return nil // an announcement of what the database holds, no REGISTER
	}
	switch string(name) {
	case "ContactStatus":
		s.contactStatus(m)
	case "PeerStatus":
		s.peerStatus(m)
	case "SuccessfulAuth":
		if m.is(keyService, "PJSIP") {
			s.hint(m.get(keyAccountID))
		}
	case "TestEvent": // only builds with the test framework send it
		if m.is(keyState, "AOR_CONTACT_REFRESHED") {
			s.hint(m.get(keyAOR))
		}
	case "Registry":
		s.trunks.want(time.Now())
	case "Reload":
		if s.lacks { // it may have been the manager's: rights count from the login on
			s.rightsAt = time.Now().Add(reloadDelay)
		}
		s.trunks.want(time.Now().Add(reloadDelay))
		s.relistServices(time.Now().Add(reloadDelay))
		s.full.absent = [len(s.full.absent)]bool{}
		s.full.want(allTechs, time.Now().Add(reloadDelay))
		s.configured.wanted = true
	case "Shutdown":
		return errShutdown
	default:
		if at, ok := signs[string(name)]; ok {
			s.service(at, m)
		}
	}
	return nil
}

// fullyBooted begins the first full listing of the connection.
func (s *session) fullyBooted(uptime int64, ok bool) error {
	s.booted = true
	s.stats.connected.Store(true)
	s.young = !ok || uptime < bootUptime
	s.begun(uptime, ok)
	now := time.Now()
	if s.cfg.Rivals != nil {
		s.rivalsAt = now.Add(s.cfg.RivalInterval)
	}
	s.full.want(allTechs, now)
	if s.cfg.Trunks != nil {
		s.trunks.want(now)
	}
	s.beginServices(now, uptime, ok)
	if s.deaf && s.rightsAt.IsZero() {
		s.goDeaf(now)
	}
	s.status(Status{State: Listing})
	return s.send(actSettings, &request{})
}

func (s *session) contactStatus(m *message) {
	a, ok := s.aor(m.get(keyAOR))
	uri := m.get(keyURI)
	s.trunkHint(location.PJSIP, m.get(keyEndpoint))
	if !ok || len(uri) == 0 || len(uri) > maxURI {
		return
	}
	switch string(m.get(keyContactStatus)) {
	case "NonQualified", "Created":
		s.registered(a, string(uri), m.text(keyEndpoint))
	case "Removed":
		s.removed(a, string(uri))
	}
	// Reachable and Unreachable are results of qualify, no registrations.
}

// registered handles the announcement of a new PJSIP contact.
func (s *session) registered(a location.AOR, uri, endpoint string) {
	s.touch(a)
	s.heardOf(contactKey{a, uri})
	s.full.note(note{aor: a, tech: location.PJSIP, uri: uri})
	u := s.users.user(a)
	if u == nil || u.gone || s.users.shared || s.initial && s.young {
		s.queue.wait(a, uri, endpoint, s.full.number)
		s.ask(a, false)
		return
	}
	now := s.cfg.Now()
	at := s.users.moment(now)
	h := u.find(uri)
	switch {
	case h == nil:
		u.contacts = append(u.contacts, held{uri: uri, since: at, announced: true})
	case h.lapsed > 0:
		*h = held{uri: uri, since: at, announced: true}
	case h.announced || h.since == 0 || at-h.since > moment(freshFor):
		// A REGISTER of a contact that Asterisk has already sends no event.
		// This one comes of a reload or a late boot: look, do not believe.
		s.plan.at(u, now.Add(learnDelay))
		return
	default:
		h.announced = true
	}
	if endpoint != "" {
		u.endpoint = endpoint
	}
	s.cfg.Registrar.Registered(location.Contact{AOR: a, Kind: location.PJSIP, URI: uri})
	s.plan.at(u, now.Add(learnDelay))
}

func (s *session) removed(a location.AOR, uri string) {
	s.touch(a)
	s.full.note(note{aor: a, tech: location.PJSIP, uri: uri, removed: true})
	s.queue.unwait(a, uri)
	u := s.users.user(a)
	if u == nil {
		return
	}
	u.remove(uri)
	if len(u.contacts) == 0 {
		u.due = time.Time{} // nothing is left to look at
		delete(s.users.again, u)
	}
	s.cfg.Registrar.Removed(a, location.PJSIP, uri)
}

// touch invalidates the listing of an AOR that is under way.
func (s *session) touch(a location.AOR) {
	if k := s.queue.asks[a]; k != nil {
		k.touched = true
	}
}

// peerStatus handles chan_sip and IAX2. That of PJSIP tells of endpoints, not
// of contacts, and adds nothing to ContactStatus.
func (s *session) peerStatus(m *message) {
	var t location.Kind
	switch string(m.get(keyChannelType)) {
	case "SIP":
		t = location.SIP
	case "IAX2":
		t = location.IAX2
	default:
		return
	}
	_, name, _ := bytes.Cut(m.get(keyPeer), []byte("/"))
	s.trunkHint(t, name)
	a, ok := s.aor(name)
	if !ok {
		return
	}
	switch string(m.get(keyPeerStatus)) {
	case "Registered":
		addr := m.text(keyAddress)
		if addr == "" || len(addr) > maxURI {
			return
		}
		c := peer(a, t, addr)
		s.full.note(note{aor: a, tech: t, uri: c.URI})
		s.users.peers[t].registered(a, c.URI, s.cfg.Now())
		s.cfg.Registrar.Registered(c)
	case "Unregistered":
		s.full.note(note{aor: a, tech: t, removed: true})
		s.users.peers[t].removed(a)
		s.cfg.Registrar.Removed(a, t, "")
	}
}

// hint handles a sign that somebody, given by AOR or endpoint, may have
// refreshed a registration. It matters for a contested AOR and for a lapsed
// contact.
func (s *session) hint(name []byte) {
	a, rival := s.rivals[string(name)]
	if !rival {
		a = location.AOR(name)
	}
	u := s.users.user(a)
	if u == nil || !rival && !u.lapsed() {
		return
	}
	now := s.cfg.Now()
	s.users.again[u] = now.Add(secondLook)
	s.plan.at(u, now.Add(learnDelay))
}

func (u *user) lapsed() bool {
	for i := range u.contacts {
		if u.contacts[i].lapsed > 0 {
			return true
		}
	}
	return false
}
