package ami

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Refused is an action that Asterisk did not take, in its own words.
type Refused struct{ Action, Message string }

func (r *Refused) Error() string { return r.Action + ": " + r.Message }

// inquiry is a connection on which one question after the other is put.
type inquiry struct {
	conn       net.Conn
	in         *reader
	id         uint64
	systemName string
	realtime   bool // contacts may be those of other Asterisks
	former     func(systemName string) bool
	version    string
}

// maxInquiryRows bounds the rows of an answer.
const maxInquiryRows = 2_000_000

var errRows = fmt.Errorf("an answer of more than %d rows", maxInquiryRows)

// dial opens a connection without events, and learns whom it leads to.
func (l *Live) dial(ctx context.Context) (*inquiry, error) {
	conn, err := l.cfg.Dial(ctx, "tcp", l.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("ask Asterisk: %w", err)
	}
	q := &inquiry{conn: conn, in: newReader(conn), former: l.cfg.Former}
	if q.former == nil {
		q.former = func(string) bool { return false }
	}
	conn.SetDeadline(time.Now().Add(liveTimeout))
	l.loggingIn.Store(true)
	err = q.in.banner()
	if err == nil {
		err = loginError(q.do(actLogin, nil, nil, l.cfg.User, l.cfg.Secret, "off"))
	}
	l.loggingIn.Store(false)
	if err == nil {
		var settings headers
		if settings, err = q.one(actSettings, "SystemName", "AsteriskVersion", "CoreRealTimeEnabled"); err == nil {
			q.systemName, q.version = settings["SystemName"], settings["AsteriskVersion"]
			q.realtime = settings["CoreRealTimeEnabled"] != "No"
		}
		var refused *Refused
		if errors.As(err, &refused) { // the class may be missing: others tell more
			err = nil
		}
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ask Asterisk: %w", err)
	}
	return q, nil
}

// loginError explains why a login was refused, where Asterisk's own words do not
// say what to do.
func loginError(err error) error {
	var refused *Refused
	if errors.As(err, &refused) && refused.Message == "Login Already In Use" {
		return fmt.Errorf("%w: asterfed needs two sessions of the manager user; take allowmultiplelogin=no out of manager.conf", err)
	}
	return err
}

// headers are those of a message that were wanted, by the names of the first
// version that has them.
type headers map[string]string

// one asks an action that answers with one message.
func (q *inquiry) one(a action, want ...string) (headers, error) {
	var out headers
	err := q.do(a, want, func(h headers) error {
		if out == nil {
			out = h
		}
		return nil
	})
	return out, err
}

// do sends an action and calls row for the response and for every event that
// answers it, with the headers wanted and Event.
func (q *inquiry) do(a action, want []string, row func(headers) error, values ...string) error {
	q.id++
	id := strconv.FormatUint(q.id, 10)
	q.conn.SetDeadline(time.Now().Add(liveTimeout))
	if err := writeAction(q.conn, a, q.id, values...); err != nil {
		return err
	}
	want = append([]string{"Response", "Event", "ActionID", "Message", "EventList"}, want...)
	for n := 0; ; n++ {
		h, err := q.read(want)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", a, err)
		case h["ActionID"] != id:
			continue // an event that is sent to everybody
		case h["Response"] == "Error":
			return &Refused{string(a), h["Message"]}
		case strings.EqualFold(h["EventList"], "Complete"):
			return nil
		case n > maxInquiryRows:
			return fmt.Errorf("%s: %w", a, errRows)
		}
		if row != nil {
			if err := row(h); err != nil {
				return err
			}
		}
		if h["Response"] != "" && !strings.EqualFold(h["EventList"], "start") {
			return nil
		}
	}
}

// read reads one message and returns the first value of each header wanted.
func (q *inquiry) read(want []string) (headers, error) {
	h, kept := headers{}, 0
	for n := 0; ; n++ {
		b, err := q.in.line()
		switch {
		case err != nil:
			return nil, err
		case len(b) == 0 && n == 0: // blank lines between messages
			n--
			continue
		case len(b) == 0:
			return h, nil
		case n == maxHeaders:
			return nil, fmt.Errorf("read message of more than %d headers: %w", maxHeaders, errLimit)
		}
		name, value, ok := cut(b)
		if !ok {
			continue
		}
		for _, w := range want {
			if string(name) != w {
				continue
			}
			if _, known := h[w]; known {
				continue
			}
			if kept += len(value); kept > maxKept {
				return nil, fmt.Errorf("read message of more than %d octets: %w", maxKept, errLimit)
			}
			h[w] = string(value)
		}
	}
}
