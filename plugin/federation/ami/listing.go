package ami

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// maxRows bounds what one listing may hold.
const maxRows = 2_000_000

// answer takes a message that answers one of our actions.
func (s *session) answer(id uint64, r *request, m *message) error {
	if r.probe {
		return s.probeAnswer(id, m)
	}
	if r.look {
		return s.looked(id, r, m)
	}
	if m.has&(1<<keyResponse) != 0 {
		return s.response(id, r, m)
	}
	switch string(m.get(keyEventList)) {
	case "Complete":
		delete(s.pending, id)
		return s.complete(r, nil)
	case "cancelled", "Cancelled":
		delete(s.pending, id)
		return s.complete(r, errors.New("listing was cancelled"))
	}
	if r.rows.n+len(r.peers) >= maxRows {
		return fmt.Errorf("read %s of more than %d rows: %w", r.action, maxRows, errLimit)
	}
	switch r.action {
	case actEndpoint:
		s.endpointRow(r, m)
	case actContacts:
		s.listRow(r, m)
	case actAORs:
		s.aorRow(m)
	case actSIPPeers, actIAXPeerlist:
		if c, ok := s.peerContact(m, r.tech); ok {
			r.peers = append(r.peers, c)
		}
	}
	return nil
}

// response takes the first answer to an action. A list follows unless it is
// an error.
func (s *session) response(id uint64, r *request, m *message) error {
	failed := m.is(keyResponse, "Error")
	if r.action == actSettings || r.action == actPing || r.action == actLogoff || r.action == actFilter {
		delete(s.pending, id)
		if r.action == actFilter && !s.booted && !s.boot.probed {
			return s.probe() // FullyBooted would have come before this answer
		}
		if r.action == actSettings && !failed {
			s.settled, s.realtime = true, !m.is(keyRealtime, "No")
			s.users.shared = s.realtime
			s.version, s.systemName = m.text(keyAsteriskVersion), m.text(keySystemName)
		}
		return nil
	}
	if !failed {
		return nil
	}
	delete(s.pending, id)
	msg := m.text(keyMessage)
	switch {
	case r.action == actAORs:
		s.aorsDone(strings.HasPrefix(msg, "No AORs found"))
		return nil
	case r.action == actEndpoint:
		s.endpointDone(r, true, strings.HasPrefix(msg, "Unable to retrieve endpoint"))
		return nil
	case unknownAction(m):
		s.full.absent[r.tech] = true
		return s.complete(r, nil)
	case r.action == actContacts && strings.Contains(strings.ToLower(msg), "no contacts found"):
		return s.complete(r, nil) // an empty list looks like a refusal
	}
	return s.complete(r, fmt.Errorf("%s: %.100q", r.action, msg))
}

func (s *session) complete(r *request, err error) error {
	switch r.action {
	case actEndpoint:
		s.endpointDone(r, err != nil, false)
		return nil
	case actAORs:
		s.aorsDone(err == nil)
		return nil
	}
	return s.listDone(r, err)
}

// listRow takes one ContactList event. Rows that have expired are kept: they
// may be refreshed before Asterisk removes them.
func (s *session) listRow(r *request, m *message) {
	reg := m.get(keyRegServer)
	if s.foreign(m) {
		r.others = counted(r.others, reg)
		return
	}
	if s.elsewise(reg) {
		r.former = counted(r.former, reg)
	}
	name, ok := registeredAOR(m.get(keyObjectName))
	if !ok {
		return
	}
	u := s.users.user(location.AOR(name))
	var a location.AOR
	if u != nil {
		a = u.aor
	} else if a, ok = s.stranger(name); !ok {
		return
	}
	if c, ok := s.contactRow(m, a, u); ok {
		r.rows.add(c)
	}
}

// counted adds one to the count of a name, of which there are maxOthers at most.
func counted(m map[string]int, name []byte) map[string]int {
	if m == nil {
		m = map[string]int{}
	}
	if len(m) < maxOthers || m[string(name)] > 0 {
		m[string(name)]++
	}
	return m
}

// shrank asks for a list again that lost more than half of its contacts, and
// more than ten: rather a database that is not there yet than a mass
// unregistration.
func (s *session) shrank(r *request) bool {
	t := r.tech
	n := len(r.peers)
	if t == location.PJSIP {
		n = 0
		now := s.cfg.Now()
		for c := range r.rows.all() {
			if !expired(c.expires, now) {
				n++
			}
		}
	}
	before := s.users.size[t]
	if !s.users.sized[t] && s.cfg.Held != nil {
		before = s.cfg.Held(t)
	}
	if s.full.again[t] || 2*n >= before || before-n <= 10 {
		s.users.size[t], s.users.sized[t] = n, true
		return false
	}
	s.cfg.Logger.Warn("list shrank by more than half; listing again", "tech", t.String(), "before", before, "now", n)
	s.full.again[t] = true
	s.full.againAt = time.Now().Add(againDelay)
	return true
}

// deliverPeers passes on a complete list of chan_sip or IAX2 peers.
func (s *session) deliverPeers(r *request) {
	list := r.peers
	latest := map[location.AOR]note{}
	for _, n := range s.full.notes {
		if n.tech == r.tech {
			latest[n.aor] = n
		}
	}
	if len(latest) > 0 {
		kept := list[:0]
		for _, c := range list {
			if _, changed := latest[c.AOR]; !changed {
				kept = append(kept, c)
			}
		}
		list = kept
		for _, n := range latest {
			if !n.removed {
				list = append(list, location.Contact{AOR: n.aor, Kind: n.tech, URI: n.uri})
			}
		}
	}
	for i := range list {
		list[i].Since = s.proves(&list[i])
	}
	for _, c := range s.users.peers[r.tech].unlisted(r.tech, s.cfg.Now()) {
		if _, changed := latest[c.AOR]; !changed { // else it is there already
			list = append(list, c)
		}
	}
	s.counted(r.tech, len(list))
	s.cfg.Registrar.ListedAll(r.tech, location.List(list...))
}

func (s *session) counted(t location.Kind, n int) {
	s.stats.listings.Add(1)
	s.stats.size[t].Store(int64(n))
}
