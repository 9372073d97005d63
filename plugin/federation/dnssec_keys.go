package federation

import (
	"time"

	"github.com/asterfed/asterfed/plugin/federation/source"
	"github.com/asterfed/asterfed/zone/dnssec"
)

// keysPeriod is how often DNSSEC key files are read again: their times may be
// changed by dnssec-settime.
const keysPeriod = 10 * time.Second

// followKeys reads the key files again and again. What cannot be read, such as
// a file that is being written, changes nothing.
func (r *Runtime) followKeys() {
	file := source.Reread{Logger: r.log, Kept: "DNSSEC keys cannot be read; those read before stay in force"}
	source.Every(r.ctx, keysPeriod, func() {
		file.Try(func() error {
			keys, err := dnssec.ReadKeys(r.cfg.DNSSEC, r.cfg.Origin, time.Now())
			if err == nil {
				r.signer.SetKeys(keys)
			}
			return err
		})
	})
}
