package simulation

import (
	"slices"
	"sync"
	"time"
)

// lag keeps how long changes take from their home to the other views.
type lag struct {
	mu      sync.Mutex
	open    bool
	commits []map[uint32]time.Time // by home and serial
	samples []time.Duration
}

// left notes that a home has reached a serial.
func (l *lag) left(home int, serial uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		l.commits[home][serial] = time.Now()
	}
}

// arrived notes that a view holds what came after one serial up to another.
func (l *lag) arrived(home int, after, serial uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after == 0 {
		return // a full zone
	}
	now := time.Now()
	for s := after + 1; s <= serial; s++ {
		if at, ok := l.commits[home][s]; ok {
			l.samples = append(l.samples, now.Sub(at))
		}
	}
}

// window begins or ends the time whose changes count. What is under way at
// its end still arrives.
func (l *lag) window(open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = open
}

// take returns what was measured, sorted, and forgets it.
func (l *lag) take() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.samples
	l.samples = nil
	for i := range l.commits {
		l.commits[i] = map[uint32]time.Time{}
	}
	slices.Sort(out)
	return out
}

// quantile returns the value that a share q of a sorted list does not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// faults keeps when nodes were called failed, rightly or not.
type faults struct {
	mu    sync.Mutex
	since time.Time
	right map[finding][]time.Duration
	wrong map[finding]int
}

// finding says who found a node missing.
type finding int

const (
	gone       finding = iota // the rule of plugin/federation
	serfFailed                // Serf
)

// begin starts the clock of a fault.
func (f *faults) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since = time.Now()
	f.right, f.wrong = map[finding][]time.Duration{}, map[finding]int{}
}

func (f *faults) note(what finding, by, about *node) {
	right := !by.host.reaches(about.host) || !about.host.sip.Load()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.right == nil:
	case right:
		f.right[what] = append(f.right[what], time.Since(f.since))
	default:
		f.wrong[what]++
	}
}

// end returns when the fault was found, sorted, and how many were found that
// there were not.
func (f *faults) end(what finding) (times []time.Duration, wrong int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.right[what])
	return slices.Clone(f.right[what]), f.wrong[what]
}
