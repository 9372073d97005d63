package history

import (
	"fmt"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/view"
)

// maxRounds is how often the log is gone through for a name that stands for
// others, which stand for others.
const maxRounds = 5

// At explains how v answered at qname (lower-case FQDN below the origin) at a
// time. It goes through the whole log, so that one question is answered at a
// time. The error is ErrNone for a time that is not kept.
func (l *Log) At(v *answer.Zone, qname string, t time.Time) (answer.Explanation, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	wanted := map[view.Key]bool{}
	for _, key := range v.KeysAt(qname) {
		wanted[key] = true
	}
	if len(wanted) == 0 {
		return answer.Explanation{}, fmt.Errorf("%w of %s: only of users, numbers, trunks, providers and services", ErrNone, qname)
	}
	for round := 1; ; round++ {
		m := newMoment(t)
		begins, err := l.scan(besides(wanted), m.take)
		switch {
		case err != nil:
			return answer.Explanation{}, err
		case begins.IsZero() || t.Before(begins):
			return answer.Explanation{}, fmt.Errorf("%w of that time: it begins %s", ErrNone, begun(begins))
		case t.After(l.cfg.Now()):
			return answer.Explanation{}, fmt.Errorf("%w of the future", ErrNone)
		}
		claims, more := m.claimed(v, wanted)
		if more && round < maxRounds {
			continue
		}
		return m.explain(v, qname, claims, wanted), nil
	}
}

func begun(at time.Time) string {
	if at.IsZero() {
		return "now"
	}
	return at.UTC().Format(time.RFC3339)
}

// claimed returns all claims of the moment under the keys. It adds the keys of
// whom they stand for to wanted, and reports whether there are new ones.
func (m *moment) claimed(v *answer.Zone, wanted map[view.Key]bool) (out []view.Claimed, more bool) {
	seen := map[view.Claimed]bool{} // a range stands under several keys
	var keys []view.Key
	for key := range wanted {
		list, told := m.claims[key]
		if !told {
			list = v.Claims(key) // it has never changed
		}
		for _, c := range list {
			if !seen[c] {
				seen[c] = true
				out = append(out, c)
			}
			keys = append(keys, view.KeysOf(c.Binding)...)
		}
	}
	for _, key := range keys {
		if !wanted[key] {
			wanted[key], more = true, true
		}
	}
	return out, more
}

// explain ranks what there was as v would.
func (m *moment) explain(v *answer.Zone, qname string, claims []view.Claimed, keys map[view.Key]bool) answer.Explanation {
	past := v.Past(m.homes, claims, m.settled || !m.started)
	if m.run.order != "" {
		past.SetOrder(m.run.order)
	}
	e := past.Explain(qname)
	var notes []string
	if off := m.next.alive; m.ended && !off.IsZero() && m.t.After(off.Add(aliveTime+flushTime)) {
		notes = append(notes, "the node was not running: its last sign of life was at "+off.UTC().Format(time.RFC3339))
	}
	for key := range keys {
		if m.gapped(key) {
			notes = append(notes, "changes of that time are missing: the disk was too slow or full")
			break
		}
	}
	e.Note = strings.Join(notes, "; ")
	return e
}
