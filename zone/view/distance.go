package view

import (
	"sync/atomic"
	"time"
)

// distance is how far a node is, and in which band that lies. It has one
// writer at a time; the zero value is unknown.
type distance struct {
	rtt  atomic.Int64 // time.Duration
	band atomic.Int32 // from 1, 0 while unknown
}

// A band is 10 ms wide. A node changes bands only when its distance is a
// quarter of that beyond the edge: one that hovers at an edge keeps its rank.
const (
	bandWidth  = 10 * time.Millisecond
	bandMargin = bandWidth / 4
	farthest   = 1 << 16 // the band of a node whose distance is not known
)

// set reports whether the band has changed.
func (d *distance) set(rtt time.Duration) (moved bool) {
	rtt = max(rtt, 0)
	d.rtt.Store(int64(rtt))
	edge := time.Duration(d.band.Load()) * bandWidth
	if edge == 0 || rtt >= edge+bandMargin || rtt < edge-bandWidth-bandMargin {
		next := int32(min(rtt/bandWidth+1, farthest-1))
		return d.band.Swap(next) != next
	}
	return false
}

// SetDistance tells how far the node is, as round-trip time.
func (h *Home) SetDistance(d time.Duration) {
	if h.view.on.OnChange == nil {
		if h.distance.set(d) {
			h.changed()
		}
		return
	}
	was := h.State()
	if h.distance.set(d) {
		h.notedHome(was)
		h.changed()
	}
}

// Distance returns what SetDistance was last told, and whether it was.
func (h *Home) Distance() (time.Duration, bool) {
	return time.Duration(h.distance.rtt.Load()), h.distance.band.Load() != 0
}

// Band ranks a home by its distance; this node's own is nearest of all, one
// that is not known farthest.
func (v *View) Band(h *Home) int {
	if h.Name == v.self {
		return 0
	}
	if b := h.distance.band.Load(); b != 0 {
		return int(b)
	}
	return farthest
}
