package ami

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// login sends the credentials and waits for their acceptance.
func (s *session) login(ctx context.Context) error {
	// A mask of the classes that are of use spares both sides the rest.
	mask := "system,security,reporting"
	for c := range NumClasses {
		if s.cfg.Services != nil && s.cfg.Services.Follows(c) && !strings.Contains(mask, classes[c].read) {
			mask += "," + classes[c].read
		}
	}
	if err := s.send(actLogin, &request{}, s.cfg.User, s.cfg.Secret, mask); err != nil {
		return err
	}
	timeout := time.NewTimer(loginTimeout)
	defer timeout.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return fmt.Errorf("log in: no answer within %v", loginTimeout)
		case m, ok := <-s.in:
			switch {
			case !ok:
				return fmt.Errorf("log in: %w", s.readErr)
			case m.is(keyResponse, "Success"):
				clear(s.pending)
				return nil
			case m.is(keyResponse, "Error"):
				return fmt.Errorf("%w: %w", errAuth, loginError(&Refused{string(actLogin), m.text(keyMessage)}))
			}
		}
	}
}

var errSilent = errors.New("asterisk is silent")

// keepAlive pings a silent Asterisk and gives up one that stays silent.
func (s *session) keepAlive() (time.Duration, error) {
	now := time.Now()
	heard := s.began.Add(time.Duration(s.lastRead.Load()))
	if s.pinged.IsZero() || !heard.Before(s.pinged) {
		s.pinged = time.Time{}
		idle := now.Sub(heard)
		if idle < pingIdle {
			return pingIdle - idle, nil
		}
		s.pinged = now
		return pingTimeout, s.send(actPing, &request{})
	}
	limit := pingTimeout
	if s.full.inFlight() {
		limit = s.listLimit()
	}
	silent := now.Sub(s.pinged)
	if silent >= limit {
		return 0, fmt.Errorf("%w for %v", errSilent, now.Sub(heard).Round(time.Second))
	}
	return limit - silent, nil
}

// listLimit is how long Asterisk may collect a listing without a word: in
// proportion to the last one, so that one that hangs is not taken for busy. The
// first listing of a connection has no measure.
func (s *session) listLimit() time.Duration {
	if s.initial {
		return listTimeout
	}
	n := 0
	for _, size := range s.users.size {
		n += size
	}
	return min(listTimeout, pingTimeout+time.Duration(n)*listEach)
}
