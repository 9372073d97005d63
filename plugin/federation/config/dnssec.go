package config

import (
	"time"

	"github.com/asterfed/asterfed/zone/dnssec"
)

func (p *parser) dnssec(args []string) error {
	if len(args) < 2 || args[0] != "key" {
		return p.Errf("dnssec: want dnssec key FILE..., pairs of files that dnssec-keygen has made")
	}
	p.cfg.DNSSEC = args[1:]
	for _, f := range privateKeys(p.cfg.DNSSEC) {
		if err := p.secret(f); err != nil {
			return err
		}
	}
	if _, err := dnssec.ReadKeys(p.cfg.DNSSEC, p.cfg.Origin, time.Now()); err != nil {
		return p.Errf("%v", err)
	}
	return nil
}
