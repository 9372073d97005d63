package registrations

import (
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Bounds of the listings of single AORs. Above them one full listing is
// cheaper, for us and for Asterisk.
const (
	maxAsks    = 16                    // under way at once
	maxDue     = 50                    // planned ones that wait
	maxUrgent  = 200                   // unknown or contested ones that wait
	askEvery   = 10 * time.Millisecond // average interval of the planned ones
	maxWaiting = 10000                 // AORs with an unconfirmed event
	maxURIs    = 16                    // contacts of one such AOR
)

// aorQueue holds the AORs that are to be listed one by one.
type aorQueue struct {
	urgent, planned []location.AOR
	asks            map[location.AOR]*ask
	inFlight        int
	// budget of planned asks: up to maxDue at once, one more per askEvery.
	budget   float64
	budgetAt time.Time
	// waiting holds events of AORs that are not known to be users.
	waiting map[location.AOR]*waiting
}

// ask is an AOR that is queued or being listed.
type ask struct {
	explicit bool // by Recheck: an empty answer is one too
	urgent   bool
	sent     bool
	touched  bool // an event came meanwhile: list it once more
	// suspect is the number of the listing of AORs that lacked the AOR, zero for
	// none.
	suspect uint32
	retries int
}

// waiting is an announcement that is not passed on before a listing shows the
// AOR to be a user's.
type waiting struct {
	endpoint string
	uris     []string
	listing  uint64 // number of the last full listing sent before
}

func (q *aorQueue) reset() {
	*q = aorQueue{asks: map[location.AOR]*ask{}, waiting: map[location.AOR]*waiting{}, budget: maxDue}
}

// wait keeps an announcement that came after the full listing of that number
// was sent.
func (q *aorQueue) wait(a location.AOR, uri, endpoint string, listing uint64) {
	w := q.waiting[a]
	if w == nil {
		if len(q.waiting) >= maxWaiting {
			return // the next full listing finds it
		}
		w = &waiting{}
		q.waiting[a] = w
	}
	w.endpoint, w.listing = endpoint, listing
	for _, have := range w.uris {
		if have == uri {
			return
		}
	}
	if len(w.uris) < maxURIs {
		w.uris = append(w.uris, uri)
	}
}

func (q *aorQueue) unwait(a location.AOR, uri string) {
	w := q.waiting[a]
	if w == nil {
		return
	}
	for i, have := range w.uris {
		if have == uri {
			w.uris = append(w.uris[:i], w.uris[i+1:]...)
			break
		}
	}
	if len(w.uris) == 0 {
		delete(q.waiting, a)
	}
}

// add queues an AOR unless it is queued already.
func (q *aorQueue) add(a location.AOR, urgent, explicit bool) {
	k := q.asks[a]
	if k == nil {
		k = &ask{}
		q.asks[a] = k
	} else if k.sent {
		k.touched = k.touched || explicit
		k.explicit = k.explicit || explicit
		return
	} else if k.urgent || !urgent {
		k.explicit = k.explicit || explicit
		return
	}
	k.urgent, k.explicit = urgent, k.explicit || explicit
	if urgent {
		q.urgent = append(q.urgent, a)
	} else {
		q.planned = append(q.planned, a)
	}
}

// clear forgets what waits to be sent: a full listing of contacts has answered
// it, except whether an AOR is configured.
func (q *aorQueue) clear() {
	var suspects []location.AOR
	for _, list := range [...][]location.AOR{q.urgent, q.planned} {
		for _, a := range list {
			switch k := q.asks[a]; {
			case k == nil || k.sent:
			case k.suspect != 0 && k.urgent:
				suspects = append(suspects, a)
			default:
				delete(q.asks, a)
			}
		}
	}
	q.urgent, q.planned = suspects, nil
}

// next takes the AOR to list now, false if there is none or no budget.
func (q *aorQueue) next(now time.Time) (location.AOR, *ask, bool) {
	for q.inFlight < maxAsks {
		var a location.AOR
		var urgent bool
		switch {
		case len(q.urgent) > 0:
			a, q.urgent, urgent = q.urgent[0], q.urgent[1:], true
		case len(q.planned) > 0 && q.spend(now):
			a, q.planned = q.planned[0], q.planned[1:]
		default:
			return "", nil, false
		}
		k := q.asks[a]
		if k == nil || k.sent || k.urgent != urgent { // promoted since
			continue
		}
		k.sent = true
		q.inFlight++
		return a, k, true
	}
	return "", nil, false
}

func (q *aorQueue) spend(now time.Time) bool {
	if !q.budgetAt.IsZero() {
		q.budget = min(maxDue, q.budget+float64(now.Sub(q.budgetAt))/float64(askEvery))
	}
	q.budgetAt = now
	if q.budget < 1 {
		return false
	}
	q.budget--
	return true
}

// wakeAt returns when the queue goes on by itself, zero if it waits for
// answers or is empty.
func (q *aorQueue) wakeAt(now time.Time) time.Time {
	if len(q.planned) == 0 || q.inFlight >= maxAsks {
		return time.Time{}
	}
	return now.Add(askEvery)
}
