package federation

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/miekg/dns"
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

// historyTree holds the past: what has changed at NAME.history.<origin>, and how
// NAME was answered at NAME.20261125T140300Z.history.<origin>.
const historyTree = "history"

// momentLabel is the form of a time as a label, in UTC.
const momentLabel = "20060102t150405z"

// maxEvents is how many changes are told, the latest.
const maxEvents = 200

// historyAnswer returns the records of a name below history.
func (r *Runtime) historyAnswer(about, owner string) ([]dns.RR, error) {
	if r.history == nil {
		return nil, fmt.Errorf("%w: history is off", history.ErrNone)
	}
	name := strings.TrimSuffix(about, "."+r.cfg.Origin)
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if t, err := time.Parse(momentLabel, name[i+1:]); err == nil {
			e, err := r.history.At(r.view, name[:i+1]+r.cfg.Origin, t.Add(time.Second-time.Millisecond)) // the whole second
			if err != nil {
				return nil, err
			}
			return e.TXT(owner, r.view.TTL()), nil
		}
	}
	list, err := r.history.Changes(r.view, about, maxEvents)
	if err != nil {
		return nil, err
	}
	ttl := r.view.TTL()
	out := []dns.RR{zone.StringsTXT(owner, ttl, "v=1", "n=0", "node="+r.cfg.Node, "changes="+strconv.Itoa(len(list)),
		"dropped="+strconv.FormatInt(r.history.Dropped(), 10))}
	for i, e := range list {
		s := []string{"v=1", "n=" + strconv.Itoa(i+1), "at=" + e.At.UTC().Format(zone.StampTime), "change=" + e.What}
		if e.Home != "" {
			s = append(s, "home="+e.Home)
		}
		if e.Binding.Kind != 0 {
			s = append(s, zone.Described(e.Binding)...)
		}
		if e.Is != "" {
			s = append(s, "was="+e.Was, "is="+e.Is)
		}
		out = append(out, zone.StringsTXT(owner, ttl, s...))
	}
	return out, nil
}
