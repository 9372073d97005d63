package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"

	"github.com/asterfed/asterfed/plugin/federation/liveness"
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

// drain moves calls and registrations to other nodes, where possible, and remembers
// over a restart that it does. For one goroutine.
type drain struct {
	monitor *liveness.Monitor
	file    string // is there while the node drains
	log     *slog.Logger
}

// resume goes on draining where a restart has interrupted it.
func (d *drain) resume() {
	if _, err := os.Stat(d.file); err == nil {
		d.monitor.Drain(true)
		d.log.Info("still draining: asterfed drain --undo ends it")
	}
}

// request does what the tag asks.
func (d *drain) request(what string) {
	on := what == requestDrain
	if !on && what != requestUndo {
		d.log.Warn("request not known", "request", what)
		return
	}
	d.monitor.Drain(on)
	var err error
	if on {
		err = datadir.Replace(d.file, datadir.Durable, drainFileMode, datadir.Text(drainingNote))
	} else if err = os.Remove(d.file); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		d.log.Error("draining will not be remembered over a restart", "draining", on, "err", err)
	}
}

// follow does what this node's own tags ask, and calls done to take the request away.
func (d *drain) follow(ctx context.Context, tags <-chan serf.Member, done func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case self := <-tags:
			if what := self.Tags[requestTag]; what != "" {
				d.request(what)
				done()
				select {
				case <-tags: // of before done; Serf reports again
				default:
				}
			}
		}
	}
}
