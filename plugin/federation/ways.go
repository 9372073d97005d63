package federation

import "github.com/asterfed/asterfed/zone"

// ways reads "cost health distance" in the order that counts.
func (p *parser) ways(args []string) error {
	for _, a := range args {
		p.cfg.Ways = append(p.cfg.Ways, zone.Criterion(a))
	}
	if err := zone.CheckWays(p.cfg.Ways); err != nil {
		return p.Errf("ways: %v", err)
	}
	return nil
}
