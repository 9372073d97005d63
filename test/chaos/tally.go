package chaos

import (
	"fmt"
	"time"
)

// tally counts what was seen. It is guarded by the world's mutex.
type tally struct {
	acts       int
	answers    int
	unanswered int // by a federator that runs, within a second
	count      [verdicts]int
	longest    [verdicts]time.Duration
	violations []string
	breaches   map[string]bool // one line for each node, user and kind of breach
	breached   int             // answers beyond their budget
	falseGone  []string        // healthy nodes that were called gone or orphan
}

func newTally() tally { return tally{breaches: map[string]bool{}} }

// outage is one fault at work and what it did.
type outage struct {
	kind       string
	what       string // kind and nodes
	began      time.Time
	ended      time.Time // zero while it lasts
	detect     map[int]time.Duration
	recover    map[int]time.Duration
	count      [verdicts]int
	violations int
}

// take judges an answer and counts it.
func (w *world) take(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v, age, limit, cause := w.judge(a)
	t := &w.tally
	t.answers++
	t.count[v]++
	t.longest[v] = max(t.longest[v], age)
	if cause != nil {
		cause.count[v]++
		if cause.ended.IsZero() || v == dead {
			if v == dead || v == missing {
				cause.detect[a.node] = max(cause.detect[a.node], age)
			}
		} else if v == missing || v == wrong {
			cause.recover[a.node] = max(cause.recover[a.node], age)
		}
	}
	if limit > 0 && age > limit {
		w.breach(a, v, age, limit, cause)
	}
}

func (w *world) breach(a answer, v verdict, age, limit time.Duration, cause *outage) {
	w.tally.breached++
	if cause != nil {
		cause.violations++
	}
	u := w.users[a.user]
	key := fmt.Sprint(a.node, a.user, v, u.since)
	if w.tally.breaches[key] {
		return
	}
	w.tally.breaches[key] = true
	why := "no fault"
	if cause != nil {
		why = fmt.Sprintf("%s at %.1fs", cause.what, w.at(cause.began))
	}
	w.tally.violations = append(w.tally.violations, fmt.Sprintf(
		"%.3fs %s says %s is at %s, %s: at %s since %.3fs, listed at %s; %.2fs late, budget %v; %s",
		w.at(a.sent), nodeName(a.node), u.aor, homeName(a.home), verdictNames[v], homeName(u.home), w.at(u.since),
		listedAt(u), age.Seconds(), limit, why))
}

func listedAt(u *user) string {
	s := ""
	for n := range u.held {
		s += " " + nodeName(n)
	}
	return "[" + s + " ]"
}

func homeName(id int) string {
	if id < 0 {
		return "none"
	}
	return nodeName(id)
}

// silent counts a question that nobody answered, unless the process is down.
func (w *world) silent(node int, sent time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.health[node]; h.fed && sent.Sub(h.fedSince) > rejoin {
		w.tally.unanswered++
	}
}

// falseFailure notes that a node called another one gone or orphan that has
// been healthy, and in its reach, for two seconds.
func (w *world) falseFailure(by, of int, reach string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.links[by][of]
	if !l.info || at.Sub(l.infoSince) < 2*time.Second || at.Sub(w.health[by].fedSince) < 2*time.Second {
		return
	}
	if reach == "orphan" && at.Sub(l.infoSince) < 4*time.Second {
		return
	}
	w.tally.falseGone = append(w.tally.falseGone, fmt.Sprintf("%.3fs %s calls %s %s, healthy since %.3fs",
		w.at(at), nodeName(by), nodeName(of), reach, w.at(l.infoSince)))
}
