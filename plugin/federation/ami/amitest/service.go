package amitest

import (
	"maps"
	"slices"
	"strconv"
)

// queue is the members of a queue.
type queue struct{ logged, free int }

// SetRoom puts somebody into a conference room, or the last one out of it.
func (s *Server) SetRoom(name string, inUse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	event := "ConfbridgeEnd"
	if s.rooms[name] = inUse; inUse {
		event = "ConfbridgeStart"
	} else {
		delete(s.rooms, name)
	}
	s.emit("call", s.event(event, "call", "Conference", name))
}

// SetQueue sets how many members are logged in to a queue, and how many of them
// are free.
func (s *Server) SetQueue(name string, logged, free int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[name] = queue{logged, free}
	s.emit("agent", s.event("QueueMemberStatus", "agent", "Queue", name, "Status", "1"))
}

// SetParked parks a call in a slot, or takes it out.
func (s *Server) SetParked(slot string, parked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	event := "UnParkedCall"
	if parked {
		s.parked[slot], event = true, "ParkedCall"
	} else {
		delete(s.parked, slot)
	}
	s.emit("call", s.event(event, "call", "Parkinglot", "default", "ParkingSpace", slot))
}

// SetTrunk makes a PJSIP endpoint with one configured contact, whose status is
// "Reachable" or "Unreachable", and says so.
func (s *Server) SetTrunk(endpoint, uri, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.provision(endpoint, endpoint)
	c := a.find(uri)
	if c == nil {
		s.put(a, Contact{AOR: endpoint, URI: uri, Permanent: true})
		c = a.find(uri)
	}
	c.Status = status
	s.contactStatus(a, endpoint, uri, status)
}

func (s *Server) listRooms() (*list, string) {
	if len(s.rooms) == 0 {
		return nil, "No active conferences."
	}
	l := &list{start: "Confbridge conferences will follow", complete: "ConfbridgeListRoomsComplete", version: s.version}
	for _, name := range slices.Sorted(maps.Keys(s.rooms)) {
		l.events = append(l.events, []string{"ConfbridgeListRooms", "Conference", name, "Parties", "1", "Marked", "0"})
	}
	return l, ""
}

func (s *Server) listQueues() *list {
	l := &list{start: "Queue summary will follow", complete: "QueueSummaryComplete", version: s.version}
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[name]
		l.events = append(l.events, []string{"QueueSummary", "Queue", name, "LoggedIn", strconv.Itoa(q.logged), "Available", strconv.Itoa(q.free), "Callers", "0"})
	}
	return l
}

func (s *Server) listParked() *list {
	l := &list{start: "Parked calls will follow", complete: "ParkedCallsComplete", version: s.version}
	for _, slot := range slices.Sorted(maps.Keys(s.parked)) {
		l.events = append(l.events, []string{"ParkedCall", "Parkinglot", "default", "ParkingSpace", slot})
	}
	return l
}
