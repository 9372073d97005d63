package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
)

// inquiry is a connection on which one question after the other is put.
type inquiry struct {
	conn       net.Conn
	in         *ami.Reader
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
	q := &inquiry{conn: conn, in: ami.NewReader(conn), former: l.cfg.Former}
	if q.former == nil {
		q.former = func(string) bool { return false }
	}
	conn.SetDeadline(time.Now().Add(liveTimeout))
	l.loggingIn.Store(true)
	err = q.in.Banner()
	if err == nil {
		err = ami.LoginError(q.do(ami.ActLogin, nil, nil, l.cfg.User, l.cfg.Secret, "off"))
	}
	l.loggingIn.Store(false)
	if err == nil {
		var settings headers
		if settings, err = q.one(ami.ActSettings, "SystemName", "AsteriskVersion", "CoreRealTimeEnabled"); err == nil {
			q.systemName, q.version = settings["SystemName"], settings["AsteriskVersion"]
			q.realtime = settings["CoreRealTimeEnabled"] != "No"
		}
		var refused *ami.Refused
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

// headers are those of a message that were wanted, by the names of the first
// version that has them.
type headers map[string]string

// one asks an action that answers with one message.
func (q *inquiry) one(a ami.Action, want ...string) (headers, error) {
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
func (q *inquiry) do(a ami.Action, want []string, row func(headers) error, values ...string) error {
	q.id++
	id := strconv.FormatUint(q.id, 10)
	q.conn.SetDeadline(time.Now().Add(liveTimeout))
	if err := ami.WriteAction(q.conn, a, q.id, values...); err != nil {
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
			return &ami.Refused{Action: a, Message: h["Message"]}
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
		b, err := q.in.Line()
		switch {
		case err != nil:
			return nil, err
		case len(b) == 0 && n == 0: // blank lines between messages
			n--
			continue
		case len(b) == 0:
			return h, nil
		case n == ami.MaxHeaders:
			return nil, fmt.Errorf("read message of more than %d headers: %w", ami.MaxHeaders, ami.ErrLimit)
		}
		name, value, ok := ami.Cut(b)
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
			if kept += len(value); kept > ami.MaxKept {
				return nil, fmt.Errorf("read message of more than %d octets: %w", ami.MaxKept, ami.ErrLimit)
			}
			h[w] = string(value)
		}
	}
}
