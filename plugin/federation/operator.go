package federation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// The trees below the federation zone that answer operators: they exist for
// requests that are signed with the transfer key only, as the home zones do
// (docs/records.md).
const explainTree = "explain"

// operatorTree returns which tree a name is in, and the name without it:
// "explain" and 1001.users.<origin> for 1001.users.explain.<origin>.
func operatorTree(qname, origin string) (tree, about string) {
	rel, ok := strings.CutSuffix(qname, "."+origin)
	if !ok {
		return "", ""
	}
	head, label := "", rel
	if i := strings.LastIndexByte(rel, '.'); i >= 0 {
		head, label = rel[:i+1], rel[i+1:]
	}
	switch label {
	case explainTree, liveTree, historyTree:
		return label, head + origin
	}
	return "", ""
}

// operates reports whether a name is in one of these trees.
func (f *Federation) operates(qname string) bool {
	tree, _ := operatorTree(qname, f.origin)
	return tree != ""
}

// operator answers TXT in one of these trees.
func (f *Federation) operator(w dns.ResponseWriter, r *dns.Msg, qname string) (int, error) {
	v := f.authority.zone
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative, m.Compress, m.RecursionAvailable = true, true, false
	tree, about := operatorTree(qname, f.origin)
	if tree == liveTree {
		return f.liveAnswer(w, r, m, about)
	}
	switch qtype := r.Question[0].Qtype; {
	case qtype == dns.TypeAXFR || qtype == dns.TypeIXFR:
		m.Rcode = dns.RcodeRefused
	case qtype != dns.TypeTXT || about == f.origin: // NODATA
		m.Ns = v.Lookup(f.origin, dns.TypeSOA).Answer
	case tree == explainTree:
		m.Answer = f.explain(about).TXT(r.Question[0].Name, v.TTL())
	case tree == historyTree:
		answer, err := f.history(about, r.Question[0].Name)
		if err != nil { // NODATA, with the reason where the request has an OPT
			m.Ns = v.Lookup(f.origin, dns.TypeSOA).Answer
			reason(m, r, err)
			if !errors.Is(err, history.ErrNone) {
				m.Rcode = dns.RcodeServerFailure
			}
		}
		m.Answer = answer
	}
	return f.write(w, r, m)
}

// explain explains a name, and says what this node itself keeps out of the
// answers.
func (f *Federation) explain(qname string) answer.Explanation {
	e := f.authority.zone.Explain(qname)
	name, ok := strings.CutSuffix(qname, ".users."+f.authority.cfg.Origin)
	if a, err := location.ParseAOR(name); ok && err == nil {
		switch {
		case !f.authority.cfg.Permits(a):
			e.Note = "registrations at " + f.authority.cfg.Node + " are not published: its users line does not have the name"
		case !f.authority.node.Allows(a):
			e.Note = "registrations at " + f.authority.cfg.Node + " are not published: the directory names other homes"
		}
	}
	return e
}

// The live zone of a node, NODE.live.<origin>, contains what its Asterisk lists at this
// moment, as records of its home zone, so that the two can be compared (asterfed ask
// verify). Only that node answers it, by AXFR. Its channels are at
// channels.NODE.live.<origin>.
const liveTree = "live"

// liveAnswer answers below live: about is the name without it.
func (f *Federation) liveAnswer(w dns.ResponseWriter, r, m *dns.Msg, about string) (int, error) {
	zone := f.authority.zone
	q := r.Question[0]
	own := f.authority.cfg.Node + "." + f.origin
	transfer := q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR
	switch {
	case about == own && transfer:
		z, err := f.authority.node.LiveZone()
		if err != nil {
			return f.unavailable(w, r, m, err)
		}
		return f.transfer(w, r, dns.CanonicalName(q.Name), z, f.authority.cfg.Key, f.snapshots)
	case transfer:
		m.Rcode = dns.RcodeRefused // only the node itself knows
	case about == "channels."+own && q.Qtype == dns.TypeTXT:
		answer, err := f.authority.node.LiveChannels(q.Name)
		if err != nil {
			return f.unavailable(w, r, m, err)
		}
		m.Answer = answer
	case about == statusLabel+"."+own && q.Qtype == dns.TypeTXT:
		answer, err := f.authority.status(q.Name)
		if err != nil {
			return f.unavailable(w, r, m, err)
		}
		m.Answer = answer
	case about == own || about == "channels."+own || about == statusLabel+"."+own || about == f.origin:
		m.Ns = zone.Lookup(f.origin, dns.TypeSOA).Answer
	default:
		m.Rcode = dns.RcodeNameError
		m.Ns = zone.Lookup(f.origin, dns.TypeSOA).Answer
	}
	return f.write(w, r, m)
}

// unavailable answers SERVFAIL, with the reason where the request has an OPT.
func (f *Federation) unavailable(w dns.ResponseWriter, r, m *dns.Msg, err error) (int, error) {
	m.Rcode = dns.RcodeServerFailure
	reason(m, r, fmt.Errorf("ask Asterisk: %w", err))
	return f.write(w, r, m)
}

// statusLabel is the label below a node's live zone at which the node describes its own
// state: one record about itself, one about each other node as seen from here, and one
// about each problem that needs a person (asterfed status).
const statusLabel = "status"

// status returns records that say how this node is, and what needs a person.
func (r *authority) status(owner string) ([]dns.RR, error) {
	if r.node == nil {
		return nil, errors.New("the node has just started")
	}
	return r.node.Status(owner), nil
}

// historyTree contains the past: what has changed at NAME.history.<origin>, and how
// NAME was answered at NAME.20261125T140300Z.history.<origin>.
const historyTree = "history"

// momentLabel is the form of a time as a label, in UTC.
const momentLabel = "20060102t150405z"

// maxEvents is how many changes are listed, the latest.
const maxEvents = 200

// history returns the records of a name below history.
func (f *Federation) history(about, owner string) ([]dns.RR, error) {
	log, zone, cfg := f.authority.node.History(), f.authority.zone, &f.authority.cfg
	if log == nil {
		return nil, fmt.Errorf("%w: history is off", history.ErrNone)
	}
	name := strings.TrimSuffix(about, "."+cfg.Origin)
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if t, err := time.Parse(momentLabel, name[i+1:]); err == nil {
			e, err := log.At(zone, name[:i+1]+cfg.Origin, t.Add(time.Second-time.Millisecond)) // the whole second
			if err != nil {
				return nil, err
			}
			return e.TXT(owner, zone.TTL()), nil
		}
	}
	list, err := log.Changes(zone, about, maxEvents)
	if err != nil {
		return nil, err
	}
	ttl := zone.TTL()
	out := []dns.RR{record.StringsTXT(owner, ttl, record.TXTVersion, "n=0", "node="+cfg.Node, "changes="+strconv.Itoa(len(list)),
		"dropped="+strconv.FormatInt(log.Dropped(), 10))}
	for i, e := range list {
		s := []string{record.TXTVersion, "n=" + strconv.Itoa(i+1), "at=" + e.At.UTC().Format(record.StampTime), "change=" + e.What}
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
