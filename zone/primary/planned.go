package primary

import "github.com/asterfed/asterfed/zone/location"

// planned returns the numbers that come and go with the users among changes,
// by the plan. A number stands for its user wherever he is, so that it does not
// change with every registration: only with the first here and the last.
func (p *Primary) planned(changes []location.Change) (out []location.Change) {
	if len(p.plan) == 0 {
		return nil
	}
	room := p.room()
	for _, c := range changes {
		if !c.Kind().Registered() {
			continue
		}
		bound := p.store.Has(c.AOR())
		for _, b := range p.plan.Numbers(c.AOR()) {
			held, known := p.pubs.Get(b)
			switch {
			case bound && !known && room.take(location.Change{New: b}) == nil:
				out = append(out, location.Change{New: b})
			case !bound && known && held.Info.Details().By == location.PlanSource:
				out = append(out, location.Change{Old: held})
			default:
				continue
			}
			p.pubs.Apply(out[len(out)-1:])
		}
	}
	return out
}

// replan brings the numbers level with a plan that may have changed while the
// node was down.
func (p *Primary) replan() (out []location.Change) {
	wanted := map[location.Binding]bool{}
	if len(p.plan) > 0 {
		for _, b := range p.store.Bindings() {
			for _, n := range p.plan.Numbers(b.AOR) {
				wanted[n] = true
			}
		}
	}
	for _, b := range p.pubs.Bindings() {
		if b.Info.Details().By == location.PlanSource && !wanted[b] {
			out = append(out, location.Change{Old: b})
		}
	}
	room := p.room()
	for b := range wanted {
		if _, known := p.pubs.Get(b); !known && room.take(location.Change{New: b}) == nil {
			out = append(out, location.Change{New: b})
		}
	}
	p.pubs.Apply(out)
	return out
}
