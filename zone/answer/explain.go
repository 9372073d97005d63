package answer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// Explanation says why calls to a name go where Lookup sends them.
type Explanation struct {
	Node    string // whose view it is
	Order   Order
	Answer  string // "NAPTR", "NODATA", "NXDOMAIN", "SERVFAIL" or "referral"
	Found   string // what the name was found as: "user", "number", "block", …; "" for nothing
	InFull  string // the number in full, where less was dialled
	Block   string // digits of the delegation that the number lies in
	Claims  []ClaimUse
	Trimmed int // homes left out, since Asterisk could not read them
	Note    string
}

// ClaimUse is what became of one claim. Those that the answer has come first,
// best first; then those that were passed over.
type ClaimUse struct {
	Home       string
	Binding    location.Binding
	User       location.AOR // user part of the URI, "" for what was dialled
	Preference uint16       // zero for one that was passed over
	Rule       Rule
	Why        string // the rule in words
}

// Rule names what decided about a claim.
type Rule string

// The rules that rank an answer, in the order in which they are looked at.
const (
	RuleOnly     Rule = "only"     // there is no other
	RuleCost     Rule = "cost"     // the lowest cost goes first
	RuleLast     Rule = "last"     // who drains, or whose asterfed is silent, comes last
	RuleDistance Rule = "distance" // the nearest goes first
	RuleTurn     Rule = "turn"     // equals take turns
	RuleNewest   Rule = "newest"   // the latest claim goes first
	RuleOldest   Rule = "oldest"   // of rooms in use, the one that began first
	RuleName     Rule = "name"     // equal stamps: by home and contact
)

// The rules by which a claim is not in the answer.
const (
	RuleHidden   Rule = "hidden"   // calls cannot go to its home
	RuleLink     Rule = "link"     // it stands for another name, which answers
	RuleCircle   Rule = "circle"   // the names stand for each other
	RuleFallback Rule = "fallback" // it would answer if nobody were registered
	RuleKnown    Rule = "known"    // it makes the name known, and leads nowhere
	RuleSame     Rule = "same"     // a better claim leads to the same
	RuleCovered  Rule = "covered"  // something closer to the number answers
	RuleTrimmed  Rule = "trimmed"  // with it the answer could not be sent or read
	RuleReferred Rule = "referred" // the block is another federation's
)

// Explain explains the NAPTR answer at qname (lower-case FQDN below the
// origin). It ranks and resolves by the functions that Lookup uses, and costs a
// few lookups more. Safe for concurrent use.
func (v *Zone) Explain(qname string) Explanation {
	rel := unescaped(strings.TrimSuffix(strings.TrimSuffix(qname, v.origin), "."))
	e := explaining{v: v, e: Explanation{Node: v.Self(), Order: v.order}}
	e.answer(qname)
	e.find(rel)
	if e.e.Answer == "referral" {
		e.pass(e.all, RuleReferred, "the block +"+e.e.Block+" is delegated to another federation")
		return e.e
	}
	e.use(qname)
	return e.e
}

// explaining is an explanation in the making.
type explaining struct {
	v      *Zone
	e      Explanation
	claims []view.Claim // that the name is answered with
	all    []view.Claim // that stand at the name or cover it, hidden ones too
	told   []view.Claim
}

func (e *explaining) answer(qname string) {
	res := e.v.Lookup(qname, dns.TypeNAPTR)
	switch {
	case res.Referral:
		e.e.Answer = "referral"
	case len(res.Answer) > 0:
		e.e.Answer = "NAPTR"
	case res.Rcode == dns.RcodeSuccess:
		e.e.Answer = "NODATA"
	default:
		e.e.Answer = dns.RcodeToString[res.Rcode]
	}
}

// find looks where Lookup looks.
func (e *explaining) find(rel string) {
	v := e.v
	head, top := record.CutLast(rel)
	switch top {
	case "isn":
		if rest, itad := record.CutLast(head); v.itad != "" && itad == v.itad {
			e.number(rest)
		}
	case "e164":
		e.number(head)
	case "users":
		e.e.Found, e.claims, e.all = "user", v.claims(head), v.Named(head)
	case record.TrunksTree, record.ProvidersTree, record.ServicesTree:
		e.all = v.Keyed(view.TreeKey(top, head))
		e.e.Found, e.claims = strings.TrimSuffix(top, "s"), view.Visible(e.all)
	}
	if len(e.claims) == 0 {
		e.e.Found = ""
	}
}

func (e *explaining) number(rel string) {
	if rel == "" {
		return
	}
	v, n := e.v, parseNumber(nil, rel)
	e.all = v.anywhere(n.digits)
	if c := v.cutAbove(n.digits); c != nil {
		e.e.Block = c.block
		return
	}
	e.claims = v.dialled(nil, n, "")
	there := n.rest == "" && v.stands(n.digits)
	if full, ok := v.dial.full(n.digits); ok && len(e.claims) == 0 && !there && v.cutAbove(full) == nil {
		e.claims = v.dialled(nil, number{full, n.rest}, location.AOR("+"+full))
		e.all = append(e.all, v.anywhere(full)...)
		if e.e.InFull = full; len(e.claims) == 0 {
			e.e.InFull = ""
		}
		n.digits = full
	}
	switch e.e.Found = "block"; {
	case n.rest == "" && len(v.numbered(nil, n.digits)) > 0:
		e.e.Found = "number"
	case len(e.claims) > 0 && isWildcard(e.claims[0].Binding):
		e.e.Found = "wildcard"
	}
}

// anywhere returns every claim on the digits or on a block around them, hidden
// ones too, the longest first.
func (v *Zone) anywhere(digits string) (out []view.Claim) {
	for _, key := range view.NumberKeys(digits) {
		out = append(out, v.Under(key)...)
	}
	return out
}

// use says what becomes of each claim.
func (e *explaining) use(qname string) {
	v := e.v
	resolved := v.resolve(e.claims)
	homes := v.rank(nil, resolved)
	_, fit, _ := query{v: v, qname: qname}.fitting(homes)
	ranking := v.ranking(resolved)
	var trimmed []ClaimUse
	for i, r := range homes {
		c := claimOf(resolved, r)
		u := ClaimUse{Home: r.home.Name, Binding: c.Binding, User: r.uri.user, Preference: r.pref}
		_, whole := naptrE2U(r.home.For(record.Client{}), nil, nil, qname, r.uri, r.pref, v.ttl)
		switch {
		case i >= fit:
			u.Preference, u.Rule, u.Why = 0, RuleTrimmed, fmt.Sprintf("with it the answer would exceed %d octets, of which Asterisk reads 4096, or %d records", maxAnswer, record.MaxRRset)
			trimmed = append(trimmed, u)
		case !whole:
			u.Preference, u.Rule, u.Why = 0, RuleTrimmed, fmt.Sprintf("its URI would exceed the %d octets that a record can have", location.MaxString)
			trimmed = append(trimmed, u)
		default:
			u.Rule, u.Why = e.ranked(homes, resolved, i, ranking)
			e.e.Claims = append(e.e.Claims, u)
		}
		e.told = append(e.told, c)
	}
	e.e.Trimmed = len(trimmed)
	e.e.Claims = append(e.e.Claims, trimmed...)
	e.pass(resolved, RuleSame, "a better claim leads to the same place")
	e.links(e.claims, len(resolved) > 0, 0)
	e.hidden(e.all)
	if len(resolved) > 0 && resolved[0].Binding.Kind.Live() {
		e.pass(e.all, RuleCovered, "a service of this name is there now, and goes first")
	}
	e.pass(e.all, RuleCovered, "what answers is closer to the number")
}

// claimOf returns the claim that rank has made r of.
func claimOf(claims []view.Claim, r ranked) view.Claim {
	i := slices.IndexFunc(claims, func(c view.Claim) bool { return c.Home == r.home && uriOf(c) == r.uri })
	return claims[i]
}

// pass notes claims that nothing was said of yet.
func (e *explaining) pass(claims []view.Claim, rule Rule, why string) {
	for _, c := range claims {
		if slices.ContainsFunc(e.told, func(o view.Claim) bool { return same(c, o) }) {
			continue
		}
		e.told = append(e.told, c)
		e.e.Claims = append(e.e.Claims, ClaimUse{Home: c.Home.Name, Binding: c.Binding, User: uriOf(c).user, Rule: rule, Why: why})
	}
}

// same reports whether both are one claim, whatever number was put into it.
func same(c, o view.Claim) bool {
	return c.Home == o.Home && c.Binding.Contact == o.Binding.Contact && c.Binding.AOR == o.Binding.AOR && c.Binding.Kind == o.Binding.Kind
}

func (e *explaining) hidden(claims []view.Claim) {
	for _, c := range claims {
		if !c.Home.Visible() {
			e.pass([]view.Claim{c}, RuleHidden, why(c.Home))
		}
	}
}

// why says why calls cannot go to a home, or why it ranks last; "" if neither
// is so.
func why(h *view.Home) string {
	n, known := h.Node()
	switch {
	case !known:
		return "its node has not told of itself"
	case h.Reach() == view.Gone:
		return "its node is gone: neither its asterfed nor its Asterisk answers, or it left"
	case n.State == record.Down:
		return "its Asterisk is down, says the node"
	case h.Reach() == view.Orphan:
		return "its asterfed is silent, its Asterisk answers"
	case n.State == record.Draining:
		return "its node is draining"
	}
	return ""
}

// links notes the claims that stand for other names, as split follows them,
// and what would answer if nobody were registered.
func (e *explaining) links(claims []view.Claim, answered bool, depth int) {
	for _, c := range claims {
		d := c.Binding.Info.Details()
		switch entry := c.Binding.Kind == location.Entry; {
		case d.Of != "" && depth < maxOf:
			e.pass([]view.Claim{c}, RuleLink, "it stands for "+string(d.Of))
			e.links(e.v.standingFor(d.Of), answered, depth+1)
			e.hidden(e.v.Named(d.Of.Fold()))
			if digits, ok := d.Of.Number(); ok {
				e.hidden(e.v.anywhere(digits))
			}
		case d.Of != "":
			e.circle(c)
		case entry && d.Target == "":
			e.pass([]view.Claim{c}, RuleKnown, "the directory knows the user, and has no fallback for him")
		case isQueue(c) && answered:
			e.pass([]view.Claim{c}, RuleFallback, "it answers only while nothing else does: "+staffing(ranked{cost: d.Cost}))
		case entry && answered:
			e.pass([]view.Claim{c}, RuleFallback, "it answers only while nobody is registered")
		}
	}
}

func (e *explaining) circle(c view.Claim) {
	const why = "the names stand for each other, or in too long a row"
	e.pass([]view.Claim{c}, RuleCircle, why)
	for i := range e.e.Claims { // told of as a link when it came first
		if u := &e.e.Claims[i]; u.Home == c.Home.Name && u.Binding == c.Binding {
			u.Rule, u.Why = RuleCircle, why
		}
	}
}
