package federation

import (
	"errors"
	"strings"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/location"
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
	v := f.node.View()
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
		if err != nil { // there is no data, and the reason is told to whoever sent an OPT
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
func (f *Federation) explain(qname string) zone.Explanation {
	e := f.node.View().Explain(qname)
	name, ok := strings.CutSuffix(qname, ".users."+f.node.Config().Origin)
	if a, err := location.ParseAOR(name); ok && err == nil {
		switch {
		case !f.node.Config().Permits(a):
			e.Note = "registrations at " + f.node.Config().Node + " are not published: its users line does not have the name"
		case !f.node.Allows(a):
			e.Note = "registrations at " + f.node.Config().Node + " are not published: the directory names other homes"
		}
	}
	return e
}
