package node

import (
	"context"
	"slices"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
)

// trunks reports which trunks of the file Asterisk can use at this moment, published
// or not, and which it cannot; and the trunks that were published by other means, of
// which Asterisk does not know.
func (q *queries) trunks(ctx context.Context, a *report) error {
	published := q.asterisk.trunks.Others()
	table := q.asterisk.trunks.Table()
	up, down := 0, 0
	var err error
	if table != nil {
		if q.asterisk.live == nil {
			return errNoAsterisk
		}
		state, lerr := q.asterisk.live.Trunks(ctx, table.Devices())
		err = lerr
		usable := q.asterisk.trunks.Usable()
		for _, t := range table.Trunks {
			why, known := state[t.Device]
			switch {
			case err != nil:
			case known && why == nil, why == pbx.ErrRegistering && usable[string(t.Name)]:
				up++
				a.list = append(a.list, "trunk/"+string(t.Name))
			default:
				down++
				a.list = append(a.list, "down/"+string(t.Name))
			}
		}
	}
	a.add("trunks", up)
	a.add("down", down)
	a.add("published", len(published))
	slices.Sort(a.list)
	for _, name := range published {
		a.list = append(a.list, "published/"+name)
	}
	return err
}
