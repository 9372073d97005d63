package view

import "github.com/asterfed/asterfed/zone/record"

// Reach is what this node has found out about another by itself.
type Reach int32

// The degrees of reach.
const (
	// Alive: its asterfed answers; what it says of itself counts.
	Alive Reach = iota
	// Orphan: its asterfed is silent, but its Asterisk answers SIP OPTIONS:
	// its users stay, behind who has registered elsewhere since.
	Orphan
	// Gone: neither answers, or it left. Its bindings are kept, but hidden.
	Gone
)

func (r Reach) String() string { return [...]string{"alive", "orphan", "gone"}[r] }

// Reach returns what SetReach was last told.
func (h *Home) Reach() Reach { return Reach(h.reach.Load()) }

// SetReach hides, shows or demotes all bindings of the home at once.
func (h *Home) SetReach(r Reach) (changed bool) {
	was := h.State()
	if Reach(h.reach.Swap(int32(r))) == r {
		return false
	}
	h.notedHome(was)
	h.changed()
	return true
}

// Visible reports whether calls can go to the node.
func (h *Home) Visible() bool {
	n := h.node.Load()
	return n != nil && n.State != record.Down && h.Reach() != Gone
}

// Draining reports whether the node takes calls only if no other does.
func (h *Home) Draining() bool {
	n := h.node.Load()
	return n != nil && n.State == record.Draining
}
