package answer

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/view"
)

// ranked says which rule has put the home at i where it is: what sets it apart
// from the one before it; of the first, from the one behind it.
func (e *explaining) ranked(homes []ranked, claims []view.Claim, i int, r ranking) (Rule, string) {
	if len(homes) == 1 {
		rule, why := RuleOnly, "there is no other"
		if claimOf(claims, homes[0]).Binding.Kind == location.Entry {
			rule, why = RuleFallback, "nobody is registered: this is the fallback"
		}
		return rule, why + because(homes[0].demoted())
	}
	first, second := i-1, i
	if i == 0 {
		first, second = 0, 1
	}
	a, b := homes[first], homes[second]
	ca, cb := claimOf(claims, a), claimOf(claims, b)
	switch k := r.decisive(a, b); {
	case k == Cost && isQueue(ca):
		return RuleCost, "a queue: " + staffing(homes[i]) + "; at " + other(a, b, i).home.Name + " " + staffing(other(a, b, i))
	case k == Cost:
		return RuleCost, fmt.Sprintf("cost %d; %s has %d", homes[i].cost, other(a, b, i).home.Name, other(a, b, i).cost)
	case k == Health:
		if i == 0 {
			return RuleLast, b.home.Name + " comes last" + because(b.demoted())
		}
		return RuleLast, "it comes last" + because(b.demoted())
	case k == Distance:
		return RuleDistance, e.v.far(homes[i].home) + "; " + other(a, b, i).home.Name + " is " + e.v.far(other(a, b, i).home)
	case r.even:
		return RuleTurn, "as good as " + other(a, b, i).home.Name + ": they take turns"
	case ca.Binding.Kind.Live():
		what := "a room in use: the one that began first is where others are"
		if ca.Binding.Kind == location.Parked {
			what = "a parked call: the one that has waited longest goes first"
		}
		return RuleOldest, what + "; that of " + other(a, b, i).home.Name + " began at " + since(claimOf(claims, other(a, b, i)).Binding.Stamp)
	case ca.Binding.Stamp != cb.Binding.Stamp && i == 0:
		return RuleNewest, "the latest claim; that of " + b.home.Name + " is of " + since(cb.Binding.Stamp)
	case ca.Binding.Stamp != cb.Binding.Stamp:
		return RuleNewest, "an older claim: that of " + a.home.Name + " is of " + since(ca.Binding.Stamp)
	}
	return RuleName, "the stamps are equal: by the names of homes and contacts"
}

// other returns what the home at i was compared with.
func other(a, b ranked, i int) ranked {
	if i == 0 {
		return b
	}
	return a
}

// staffing says whether a call to a queue finds somebody.
func staffing(r ranked) string {
	switch r.cost {
	case 0:
		return "a member is free"
	case 1:
		return "members are logged in, none is free"
	}
	return "nobody is logged in"
}

// demoted says why the home ranks last, "" if it does not.
func (r ranked) demoted() string {
	if r.last() {
		return why(r.home)
	}
	return ""
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

func since(s location.Stamp) string {
	if s == 0 {
		return "unknown time, found in a listing"
	}
	return s.Time().UTC().Format(time.RFC3339)
}

// far says how far a home is.
func (v *Zone) far(h *view.Home) string {
	d, known := h.Distance()
	switch {
	case h.Name == v.Self():
		return "here"
	case !known:
		return "at an unknown distance"
	}
	return fmt.Sprintf("%v away (band %d)", d.Round(100*time.Microsecond), v.Band(h))
}
