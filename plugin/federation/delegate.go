package federation

import (
	"github.com/asterfed/asterfed/zone/location"
)

// occluded says that somebody here has a number that others answer for.
func (r *Runtime) occluded(a location.AOR, block string) {
	r.log.Warn("nobody is sent to this number here: its block is delegated", "aor", a, "block", "+"+block)
}
