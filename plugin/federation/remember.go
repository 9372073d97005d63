package federation

import (
	"path/filepath"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/history"
)

// newHistory returns the log of the past, nil if none is kept.
func newHistory(cfg *config.Config, r *Runtime) *history.Log {
	if cfg.History == (config.History{}) {
		return nil
	}
	return history.New(history.Config{Path: filepath.Join(cfg.Data, "history.db"), MaxAge: cfg.History.Age, MaxBytes: cfg.History.Bytes,
		Logger: r.log.With("source", "history")})
}

// remember writes the history while the runtime lives.
func (r *Runtime) remember() {
	if r.history == nil {
		return
	}
	if err := r.history.Open(); err != nil {
		r.log.Error("history is not kept", "err", err)
		return
	}
	r.run(func() {
		r.history.Run(r.ctx, func() map[string]zone.HomeState { return history.Homes(r.view) }, "order="+string(r.cfg.Order))
	})
}
