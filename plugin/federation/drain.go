package federation

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/datadir"
)

// The tag by which this node is asked to drain, and what it is asked. It goes
// over Serf's RPC, which can also make the node leave, and is taken away again
// once it is done: nothing that other nodes say can set it.
const (
	requestTag    = "request"
	requestDrain  = "drain"
	requestUndo   = "undrain"
	drainingFile  = "draining"
	drainingNote  = "This node takes calls and registrations only if no other does: asterfed drain --undo.\n"
	drainFileMode = 0o640
)

func (r *Runtime) drainingPath() string { return filepath.Join(r.cfg.Data, drainingFile) }

// resumeDrain goes on draining where a restart has interrupted it.
func (r *Runtime) resumeDrain() {
	if _, err := os.Stat(r.drainingPath()); err == nil {
		r.monitor.Drain(true)
		r.log.Info("still draining: asterfed drain --undo ends it")
	}
}

// requested follows this node's own tags.
func (r *Runtime) requested(self serf.Member) {
	request := self.Tags[requestTag]
	if request == "" {
		return
	}
	select {
	case <-r.serving: // Serf tells of it before Start has the agent
	case <-r.ctx.Done():
		return
	}
	switch on := request == requestDrain; {
	case !on && request != requestUndo:
		r.log.Warn("request not known", "request", request)
	default:
		r.monitor.Drain(on)
		var err error
		if on {
			err = datadir.Replace(r.drainingPath(), datadir.Durable, drainFileMode, datadir.Text(drainingNote))
		} else if err = os.Remove(r.drainingPath()); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			r.log.Error("not kept over a restart that this node drains, or does not", "draining", on, "err", err)
		}
	}
	if err := r.agent.SetTags(r.tags()); err != nil && r.ctx.Err() == nil {
		r.log.Warn("tags not set", "err", err)
	}
}
