package ami

import (
	"bytes"
	"net"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// maxURI is the longest contact URI that is kept.
const maxURI = 2048

// aor checks the text of an AOR. A user that is known already needs no second
// look; what cannot be published is counted, and logged once.
func (s *session) aor(b []byte) (location.AOR, bool) {
	if u := s.users.user(location.AOR(b)); u != nil {
		return u.aor, true
	}
	return s.stranger(b)
}

// stranger is aor for one that is no user's.
func (s *session) stranger(b []byte) (location.AOR, bool) {
	a, err := location.ParseAOR(string(b))
	if err != nil {
		s.refuse(string(b), err)
		return "", false
	}
	if s.cfg.Permit != nil && !s.cfg.Permit(a) {
		s.users.denied[a] = true
		return "", false
	}
	return a, true
}

// maxRefused bounds how many refused AORs are remembered, and so logged.
const maxRefused = 1000

func (s *session) refuse(text string, err error) {
	if _, ok := s.refused[text]; ok {
		return
	}
	s.stats.refusedAORs.Add(1)
	if len(s.refused) >= maxRefused || len(text) > maxURI {
		return
	}
	s.refused[text] = struct{}{}
	s.cfg.Logger.Warn("AOR cannot be published", "err", err)
}

// registeredAOR returns the AOR of a contact's object name, "1001;@<hash>". A
// permanent contact is named "trunk@@<hash>" and belongs to no user.
func registeredAOR(name []byte) ([]byte, bool) {
	i := bytes.Index(name, []byte(";@"))
	if i <= 0 {
		return nil, false
	}
	return name[:i], true
}

// contactRow reads the headers that ContactList and ContactStatusDetail share.
// The user of the AOR is nil if there is none.
func (s *session) contactRow(m *message, a location.AOR, u *user) (row, bool) {
	uri := m.get(keyURI)
	if len(uri) == 0 || len(uri) > maxURI {
		return row{}, false
	}
	r := row{user: u, aor: a, agent: s.users.intern(m.get(keyUserAgent))}
	if h := u.known(uri); h != nil {
		r.uri = h.uri
	} else {
		r.uri = string(uri)
	}
	if n, ok := m.number(keyExpires); ok {
		r.expires = n
	}
	switch ep := m.get(keyEndpoint); {
	case string(ep) == string(a):
		r.endpoint = string(a)
	case u != nil && string(ep) == u.endpoint:
		r.endpoint = u.endpoint
	default:
		r.endpoint = string(ep)
	}
	return r, true
}

// foreign reports whether another Asterisk that shares the database of
// contacts took the registration. An Asterisk without such a database has taken
// all that it lists, perhaps under another system name.
func (s *session) foreign(m *message) bool {
	reg := m.get(keyRegServer)
	return s.realtime && s.elsewise(reg) && (s.cfg.Former == nil || !s.cfg.Former(string(reg)))
}

// elsewise reports whether a registration was taken under another system name.
func (s *session) elsewise(reg []byte) bool {
	return len(reg) > 0 && s.settled && string(reg) != s.systemName
}

// maxOthers bounds how many other RegServers are counted.
const maxOthers = 20

// sayOthers logs whose contacts are left out, when that changes.
func (s *session) sayOthers(others map[string]int, own int) {
	if s.realtime && s.settled && s.systemName == "" && own > 0 {
		s.say("systemname", "Asterisk has no systemname in asterisk.conf: the contacts of a shared database cannot be told apart")
	}
	for name, n := range others {
		if s.users.others[name] == 0 {
			s.cfg.Logger.Info("contacts of another Asterisk, or of an earlier systemname of this one, are left out",
				"regserver", name, "systemname", s.systemName, "contacts", n)
		}
	}
	s.users.others = others
}

// sayFormer logs which contacts were taken under another system name of this
// Asterisk, when that changes.
func (s *session) sayFormer(former map[string]int) {
	for name, n := range former {
		if s.users.former[name] == 0 {
			s.cfg.Logger.Info("contacts carry another RegServer than the systemname of this Asterisk; they are its own",
				"regserver", name, "systemname", s.systemName, "contacts", n)
		}
	}
	s.users.former = former
}

// peerContact reads a row of SIPpeers or IAXpeerlist: a peer that registers
// (Dynamic) and has an address now.
func (s *session) peerContact(m *message, t location.Kind) (location.Contact, bool) {
	addr := m.text(keyIPAddress)
	if !strings.EqualFold(m.text(keyDynamic), "yes") {
		return location.Contact{}, false
	}
	a, ok := s.aor(m.get(keyObjectName))
	if !ok {
		return location.Contact{}, false
	}
	there := net.ParseIP(strings.Trim(addr, "[]")) != nil
	s.users.peers[t].list(a, m.is(keyRealtimeDevice, "yes"), there)
	if !there {
		s.users.bare[a] = true
		return location.Contact{}, false // "-none-", "(null)"
	}
	if t == location.SIP {
		addr = net.JoinHostPort(strings.Trim(addr, "[]"), m.text(keyIPPort))
	}
	return peer(a, t, addr), true
}

// peer makes the contact of a chan_sip or IAX2 peer. An IAX2 peer's event
// lacks the port, so that its URI never has one.
func peer(a location.AOR, t location.Kind, addr string) location.Contact {
	c := location.Contact{AOR: a, Kind: t}
	if t == location.SIP {
		c.URI = "sip:" + string(a) + "@" + addr
		return c
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	addr = strings.Trim(addr, "[]")
	if strings.Contains(addr, ":") {
		addr = "[" + addr + "]"
	}
	c.URI = "iax2:" + string(a) + "@" + addr
	return c
}
