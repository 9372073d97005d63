package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/view"
	bolt "go.etcd.io/bbolt"
)

// ErrNone is the error of a question about a time that is not kept, or to a log
// that keeps nothing.
var ErrNone = errors.New("no history")

// scan calls f with all records wanted, oldest first, those that are not yet
// written too. It returns the time at which the log begins, zero for never.
func (l *Log) scan(wanted func(view.Key) bool, f func(entry)) (begins time.Time, err error) {
	defer guard(debug.SetPanicOnFault(true), &err)
	if l.db == nil {
		return begins, ErrNone
	}
	l.mu.Lock()
	late := append(append([]view.Change(nil), l.pending...), l.queue...)
	l.mu.Unlock()
	err = l.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(chunks).ForEach(func(at, chunk []byte) error {
			if begins.IsZero() {
				begins = time.Unix(0, int64(binary.BigEndian.Uint64(at)))
			}
			return unpack(chunk, wanted, f)
		})
	})
	if err != nil {
		return begins, err
	}
	for _, c := range late {
		if begins.IsZero() {
			begins = c.At
		}
		if wanted(c.Key) {
			f(recordOf(c))
		}
	}
	return begins, nil
}

// besides returns what scan is to call f with: the records of these keys, and those
// of homes and notes, which concern every key.
func besides(wanted map[view.Key]bool) func(view.Key) bool {
	return func(key view.Key) bool {
		_, home := key.Home()
		_, note := key.Note()
		return home || note || wanted[key]
	}
}

// run is one run of the process, as its start tells.
type run struct {
	at, alive time.Time // when it began, and when the one before was last alive
	order     answer.Order
}

func runOf(r entry) run {
	out := run{at: r.at}
	var ms int64
	var order string
	if n, _ := fmt.Sscanf(r.text, "alive=%d order=%s", &ms, &order); n > 0 && ms > 0 {
		out.alive = time.UnixMilli(ms)
	}
	out.order = answer.Order(order)
	return out
}

// moment is what the log tells of one time, folded from its records.
type moment struct {
	t        time.Time
	run      run  // that t is in
	ended    bool // t's run is over where the scan is
	next     run  // the run behind t's
	settled  bool
	started  bool // the start of t's run is kept
	claims   map[view.Key][]view.Claimed
	lastAt   map[view.Key]time.Time // of the record that says so, before t
	nextAt   map[view.Key]time.Time // of the first one behind t
	homes    map[string]view.HomeState
	homeNext map[string]bool // the state is from behind t
	gaps     []time.Time
}

func newMoment(t time.Time) *moment {
	return &moment{t: t, claims: map[view.Key][]view.Claimed{}, lastAt: map[view.Key]time.Time{}, nextAt: map[view.Key]time.Time{},
		homes: map[string]view.HomeState{}, homeNext: map[string]bool{}}
}

// take folds one record in; they come in the order in which they were written.
func (m *moment) take(r entry) {
	before := !r.at.After(m.t)
	node, home := r.home()
	switch {
	case r.key == startKey && before:
		m.run, m.started, m.settled = runOf(r), true, false
		clear(m.homes) // it has to hear of them anew
	case r.key == startKey:
		if !m.ended {
			m.next = runOf(r)
		}
		m.ended = true
	case r.key == settledKey:
		m.settled = m.settled || before
	case r.key == gapKey:
		m.gaps = append(m.gaps, r.at)
	case home && before:
		m.homes[node] = r.to
		delete(m.homeNext, node)
	case home:
		if _, known := m.homes[node]; !known && !m.ended {
			m.homes[node], m.homeNext[node] = r.from, true
		}
	case before:
		m.claims[r.key], m.lastAt[r.key] = r.now, r.at
	case m.nextAt[r.key].IsZero():
		m.nextAt[r.key] = r.at
		if _, known := m.lastAt[r.key]; !known {
			m.claims[r.key] = r.was
		}
	}
}

// gapped reports whether changes are missing between the records of a key that
// are around the moment.
func (m *moment) gapped(key view.Key) bool {
	for _, g := range m.gaps {
		if g.After(m.lastAt[key]) && (m.nextAt[key].IsZero() || g.Before(m.nextAt[key])) {
			return true
		}
	}
	return false
}
