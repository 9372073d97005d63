package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// aftermath is how long after its end a fault still explains answers, before
// its line is printed.
const aftermath = 3 * time.Second

// drive carries the plan out and returns when the last fault has ended.
func (l *Lab) drive(ctx context.Context, plan []step) {
	var faults sync.WaitGroup
	for _, s := range plan {
		if !sleep(ctx, time.Until(l.w.began.Add(s.at))) {
			break
		}
		o := &outage{kind: s.kind.name, what: s.String(), began: time.Now(),
			detect: map[int]time.Duration{}, recover: map[int]time.Duration{}}
		l.mu.Lock()
		l.outages = append(l.outages, o)
		l.mu.Unlock()
		faults.Go(func() {
			if err := l.w.blur(func() error { return s.kind.begin(l, s, o) }); err != nil {
				l.fail(fmt.Errorf("begin %v: %w", s, err))
			}
			sleep(ctx, s.length)
			if err := l.w.blur(func() error { return s.kind.end(l, s, o) }); err != nil {
				l.fail(fmt.Errorf("end %v: %w", s, err))
			}
			l.w.mu.Lock()
			o.ended = time.Now()
			l.w.mu.Unlock()
			l.lines.Go(func() {
				sleep(ctx, aftermath)
				l.say("%s", l.line(o))
			})
		})
	}
	faults.Wait()
}

// line tells what a fault did.
func (l *Lab) line(o *outage) string {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	s := fmt.Sprintf("%6.1fs %-34s %4.1fs", l.w.at(o.began), o.what, o.ended.Sub(o.began).Seconds())
	if d := longest(o.detect); d > 0 {
		s += fmt.Sprintf("  noticed %.2fs", d.Seconds())
	}
	if d := longest(o.recover); d > 0 {
		s += fmt.Sprintf("  healed %.2fs", d.Seconds())
	}
	for _, v := range []verdict{dead, missing, wrong, outranked, unheard} {
		if o.count[v] > 0 {
			s += fmt.Sprintf("  %s %d", verdictNames[v], o.count[v])
		}
	}
	if o.violations > 0 {
		s += fmt.Sprintf("  OVER BUDGET %d", o.violations)
	}
	return s
}

func longest(m map[int]time.Duration) (out time.Duration) {
	for _, d := range m {
		out = max(out, d)
	}
	return out
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
