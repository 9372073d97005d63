package federation

import (
	"github.com/asterfed/asterfed/zone"
)

// here is this node as an asker: by the address that its Asterisk sends from.
func (r *Runtime) here() zone.Asker { return r.view.Asker(r.cfg.Sender()) }
