package ami

import (
	"slices"
	"strings"
	"time"
)

// RoomWatcher is told of conference rooms (ConfBridge). Its methods are called
// in order from the goroutine of the Source and must not block.
type RoomWatcher interface {
	// Room: the first participant came in, or the last one left.
	Room(name string, begun bool)
	// Rooms: these are all rooms in use. The list is the callee's to keep.
	Rooms(names []string)
}

const (
	roomsEvery = 30 * time.Second
	// roomsPoll takes the place of events that are not granted.
	roomsPoll = time.Second
)

// ownEvents is all that a Source listens to. Without this filter a manager
// user with read=call is told of every step of every call.
const ownEvents = "Event: (FullyBooted|Shutdown|Reload|ContactStatus|PeerStatus|SuccessfulAuth|TestEvent|Registry|ConfbridgeStart|ConfbridgeEnd)"

// roomWatch is what is known of rooms. ConfbridgeStart and ConfbridgeEnd need
// read=call, the list write=reporting: either does alone, both are best.
type roomWatch struct {
	at      time.Time // when to list, zero for never
	listing bool
	again   bool // an event came meanwhile
	events  bool // some event was heard, so that read=call is granted
	known   []string
	listed  bool // there was a list in this connection
	fresh   bool // Asterisk has been started since the last one
}

func (w *roomWatch) wakeAt() time.Time {
	if w.listing {
		return time.Time{}
	}
	return w.at
}

// beginRooms runs at FullyBooted. An Asterisk that has been started since the
// last connection has no rooms from before, if it does not tell which it has.
func (s *session) beginRooms(now time.Time, uptime int64, known bool) error {
	if s.cfg.Rooms == nil {
		return nil
	}
	s.rooms = roomWatch{at: now}
	s.rooms.fresh = known && (uptime < bootUptime || !s.roomsAt.IsZero() && uptime < int64(now.Sub(s.roomsAt).Seconds()))
	s.roomsAt = now
	return s.send(actFilter, &request{}, "Add", ownEvents)
}

// room takes ConfbridgeStart and ConfbridgeEnd.
func (s *session) room(m *message, begun bool) {
	name := m.text(keyConference)
	if s.cfg.Rooms == nil || name == "" || len(name) > maxURI {
		return
	}
	w := &s.rooms
	w.events, w.again = true, w.listing
	w.known = slices.DeleteFunc(w.known, func(k string) bool { return k == name })
	if begun {
		w.known = append(w.known, name)
	}
	s.cfg.Rooms.Room(name, begun)
}

func (s *session) stepRooms(now time.Time) error {
	w := &s.rooms
	if s.cfg.Rooms == nil || w.listing || w.at.IsZero() || now.Before(w.at) {
		return nil
	}
	w.listing, w.again = true, false
	return s.send(actRooms, &request{look: true})
}

// roomAnswer takes a message that answers ConfbridgeListRooms.
func (s *session) roomAnswer(id uint64, r *request, m *message, end bool) error {
	if !end {
		if name := m.text(keyConference); name != "" && len(name) <= maxURI {
			r.names = append(r.names, name)
		}
		return nil
	}
	delete(s.pending, id)
	w := &s.rooms
	w.listing, w.at = false, time.Now().Add(roomsEvery)
	if m.is(keyResponse, "Error") && !strings.HasPrefix(m.text(keyMessage), "No active conferences") {
		w.at = time.Time{}
		if w.fresh {
			s.cfg.Rooms.Rooms(nil)
		}
		s.say("rooms", "Asterisk does not list conference rooms; the manager user needs write=reporting. Those in use now are not known", "answer", m.text(keyMessage))
		return nil
	}
	if w.again {
		w.at = time.Now()
		return nil
	}
	slices.Sort(r.names)
	slices.Sort(w.known)
	if w.listed && !w.events && !slices.Equal(r.names, w.known) {
		s.say("rooms", "Asterisk does not tell when conference rooms begin and end; the manager user needs read=call. They are asked for every second")
	}
	if !w.events && s.logged["rooms"] {
		w.at = time.Now().Add(roomsPoll)
	}
	w.known, w.listed = slices.Clone(r.names), true
	s.cfg.Rooms.Rooms(r.names)
	return nil
}

// say logs something once for each connection.
func (s *session) say(what, msg string, args ...any) {
	if !s.logged[what] {
		s.logged[what] = true
		s.cfg.Logger.Warn(msg, args...)
	}
}
