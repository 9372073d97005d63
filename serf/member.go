package serf

import (
	"maps"
	"net/netip"

	hserf "github.com/hashicorp/serf/serf"
)

// Status is the state of a member as Serf sees it.
type Status int

// A failed member is expected back and is retried; one that left is not.
const (
	StatusAlive   Status = iota + 1
	StatusLeaving        // said that it leaves, still answers
	StatusLeft
	StatusFailed
)

// String returns the word that `serf members` prints.
func (s Status) String() string {
	switch s {
	case StatusAlive:
		return "alive"
	case StatusLeaving:
		return "leaving"
	case StatusLeft:
		return "left"
	case StatusFailed:
		return "failed"
	}
	return "none"
}

// up reports whether the member still answers. A leave that is refuted
// brings a member from Leaving back to Alive without any event.
func (s Status) up() bool { return s == StatusAlive || s == StatusLeaving }

// Kind is what happened to a member.
type Kind int

// EventReap means that Serf has forgotten a member that failed or left long ago.
const (
	EventJoin Kind = iota + 1
	EventLeave
	EventFailed
	EventUpdate
	EventReap
)

// String returns Serf's name of the event.
func (k Kind) String() string {
	switch k {
	case EventJoin:
		return "member-join"
	case EventLeave:
		return "member-leave"
	case EventFailed:
		return "member-failed"
	case EventUpdate:
		return "member-update"
	case EventReap:
		return "member-reap"
	}
	return "unknown"
}

// Member is one node of the federation. Addr is its gossip address. Tags must
// not be modified.
type Member struct {
	Name   string
	Addr   netip.AddrPort
	Tags   map[string]string
	Status Status
}

// Event is one change of a member. Member is the state after it.
type Event struct {
	Kind   Kind
	Member Member
}

// same reports whether an observer that has seen a learns nothing from b.
func same(a, b Member) bool {
	return a.Addr == b.Addr && maps.Equal(a.Tags, b.Tags) &&
		(a.Status == b.Status || a.Status.up() && b.Status.up())
}

func memberOf(m hserf.Member) Member {
	ip, _ := netip.AddrFromSlice(m.Addr)
	return Member{
		Name:   m.Name,
		Addr:   netip.AddrPortFrom(ip.Unmap(), m.Port),
		Tags:   m.Tags,
		Status: statusOf(m.Status),
	}
}

func statusOf(s hserf.MemberStatus) Status {
	switch s {
	case hserf.StatusAlive:
		return StatusAlive
	case hserf.StatusLeaving:
		return StatusLeaving
	case hserf.StatusLeft:
		return StatusLeft
	case hserf.StatusFailed:
		return StatusFailed
	}
	return 0
}

func kindOf(t hserf.EventType) (Kind, bool) {
	switch t {
	case hserf.EventMemberJoin:
		return EventJoin, true
	case hserf.EventMemberLeave:
		return EventLeave, true
	case hserf.EventMemberFailed:
		return EventFailed, true
	case hserf.EventMemberUpdate:
		return EventUpdate, true
	case hserf.EventMemberReap:
		return EventReap, true
	}
	return 0, false
}
