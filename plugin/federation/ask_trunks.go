package federation

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/trunk"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
)

// askTrunks tells which trunks of the file Asterisk can use at this moment, and
// which it cannot, whatever is published; and those that were published by
// other means, of which Asterisk does not know.
func (r *Runtime) askTrunks(ctx context.Context, a *report) error {
	published := r.ways.now(r.primary)
	table := r.exchange.held()
	up, down := 0, 0
	var err error
	if table != nil {
		if r.live == nil {
			return errNoAsterisk
		}
		state, lerr := r.live.Trunks(ctx, table.Devices())
		err = lerr
		usable := r.exchange.usable()
		for _, t := range table.Trunks {
			why, known := state[t.Device]
			switch {
			case err != nil:
			case known && why == nil, why == ami.ErrRegistering && usable[string(t.Name)]:
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
	a.list = append(a.list, published...)
	return err
}

// ways are the trunks and providers of this node that were published by other
// means than its file, looked up once a second at most.
type ways struct {
	mu    sync.Mutex
	at    time.Time
	names []string
}

func (w *ways) now(p *zone.Primary) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.at) < time.Second {
		return w.names
	}
	w.names = nil
	p.ReadPublished(func(held *location.Publications) {
		for _, b := range held.Bindings() {
			if k := b.Kind; (k == location.Trunk || k == location.Provider) && b.Info.Details().By != trunk.Source {
				w.names = append(w.names, "published/"+string(b.AOR))
			}
		}
	})
	slices.Sort(w.names)
	w.names, w.at = slices.Compact(w.names), time.Now()
	return w.names
}
