package federation

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// historyTree holds the past: what has changed at NAME.history.<origin>, and how
// NAME was answered at NAME.20261125T140300Z.history.<origin>.
const historyTree = "history"

// momentLabel is the form of a time as a label, in UTC.
const momentLabel = "20060102t150405z"

// maxEvents is how many changes are told, the latest.
const maxEvents = 200

// history returns the records of a name below history.
func (f *Federation) history(about, owner string) ([]dns.RR, error) {
	log, view, cfg := f.node.History(), f.node.View(), f.node.Config()
	if log == nil {
		return nil, fmt.Errorf("%w: history is off", history.ErrNone)
	}
	name := strings.TrimSuffix(about, "."+cfg.Origin)
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if t, err := time.Parse(momentLabel, name[i+1:]); err == nil {
			e, err := log.At(view, name[:i+1]+cfg.Origin, t.Add(time.Second-time.Millisecond)) // the whole second
			if err != nil {
				return nil, err
			}
			return e.TXT(owner, view.TTL()), nil
		}
	}
	list, err := log.Changes(view, about, maxEvents)
	if err != nil {
		return nil, err
	}
	ttl := view.TTL()
	out := []dns.RR{record.StringsTXT(owner, ttl, "v=1", "n=0", "node="+cfg.Node, "changes="+strconv.Itoa(len(list)),
		"dropped="+strconv.FormatInt(log.Dropped(), 10))}
	for i, e := range list {
		s := []string{"v=1", "n=" + strconv.Itoa(i+1), "at=" + e.At.UTC().Format(record.StampTime), "change=" + e.What}
		if e.Home != "" {
			s = append(s, "home="+e.Home)
		}
		if e.Binding.Kind != 0 {
			s = append(s, record.Described(e.Binding)...)
		}
		if e.Is != "" {
			s = append(s, "was="+e.Was, "is="+e.Is)
		}
		out = append(out, record.StringsTXT(owner, ttl, s...))
	}
	return out, nil
}
