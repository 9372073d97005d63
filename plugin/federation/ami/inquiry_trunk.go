package ami

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// trunks looks at devices as a Source does.
func (q *inquiry) trunks(devices []Device) (map[Device]error, error) {
	state, ask := lookups(devices)
	for _, l := range ask {
		err := q.each(l.action, func(m *message) { state.row(l, m) }, l.values()...)
		var refused *Refused
		if errors.As(err, &refused) && refused.Message != "Permission denied" {
			continue // no such endpoint, no registrations, no such module
		}
		if err != nil {
			return nil, err
		}
	}
	return state.result(), nil
}

// each sends an action that answers with a list, and calls row for every event
// of it. The message is row's until it returns.
func (q *inquiry) each(a action, row func(*message), values ...string) error {
	q.id++
	q.conn.SetDeadline(time.Now().Add(liveTimeout))
	if err := writeAction(q.conn, a, q.id, values...); err != nil {
		return err
	}
	id := strconv.FormatUint(q.id, 10)
	var m message
	for n := 0; ; n++ {
		switch err := q.in.read(&m); {
		case err != nil:
			return fmt.Errorf("%s: %w", a, err)
		case !m.is(keyActionID, id): // an event that is sent to everybody
		case m.is(keyResponse, "Error"):
			return &Refused{string(a), m.text(keyMessage)}
		case m.has&(1<<keyResponse) != 0:
		case m.is(keyEventList, "Complete"), strings.EqualFold(m.text(keyEventList), "cancelled"):
			return nil
		case n > maxInquiryRows:
			return fmt.Errorf("%s: %w", a, errRows)
		default:
			row(&m)
		}
	}
}
