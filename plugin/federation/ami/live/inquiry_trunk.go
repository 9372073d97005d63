package live

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
)

// trunks lists devices as pbx.Trunks does.
func (q *inquiry) trunks(devices []pbx.Device) (map[pbx.Device]error, error) {
	states, ask := pbx.Lookups(devices)
	for _, l := range ask {
		err := q.each(l.Action, func(m *ami.Message) { states.Row(l, m) }, l.Values()...)
		var refused *ami.Refused
		if errors.As(err, &refused) && refused.Message != "Permission denied" {
			continue // no such endpoint, no registrations, no such module
		}
		if err != nil {
			return nil, err
		}
	}
	return states.Result(), nil
}

// each sends an action that answers with a list, and calls row for every event
// of it. The message is row's until it returns.
func (q *inquiry) each(a ami.Action, row func(*ami.Message), values ...string) error {
	q.id++
	q.conn.SetDeadline(time.Now().Add(liveTimeout))
	if err := ami.WriteAction(q.conn, a, q.id, values...); err != nil {
		return err
	}
	id := strconv.FormatUint(q.id, 10)
	var m ami.Message
	for n := 0; ; n++ {
		switch err := q.in.Read(&m); {
		case err != nil:
			return fmt.Errorf("%s: %w", a, err)
		case !m.Is(ami.KeyActionID, id): // an event that is sent to everybody
		case m.Is(ami.KeyResponse, "Error"):
			return &ami.Refused{Action: a, Message: m.Text(ami.KeyMessage)}
		case m.Has(ami.KeyResponse):
		case m.Is(ami.KeyEventList, "Complete"), strings.EqualFold(m.Text(ami.KeyEventList), "cancelled"):
			return nil
		case n > maxInquiryRows:
			return fmt.Errorf("%s: %w", a, errRows)
		default:
			row(&m)
		}
	}
}
