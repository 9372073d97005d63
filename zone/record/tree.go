package record

import (
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// The trees below the origin that hold names of one label.
const (
	TrunksTree    = "trunks"
	ProvidersTree = "providers"
	ServicesTree  = "services"
)

// TreeOf returns the label under which the names of a kind stand.
func TreeOf(k location.Kind) string {
	switch k {
	case location.Trunk:
		return TrunksTree
	case location.Provider:
		return ProvidersTree
	case location.Service:
		return ServicesTree
	case location.Number, location.Prefix, location.Range, location.Wildcard:
		return "e164"
	}
	return "users"
}

// Blocks returns the smallest set of prefixes that together stand for the
// numbers from lo to hi, which have the same number of digits, in order.
func Blocks(lo, hi string) []string {
	var out []string
	for cur := []byte(lo); string(cur) <= hi; {
		n := len(cur)
		for n > 0 && cur[n-1] == '0' && string(cur[:n-1])+strings.Repeat("9", len(cur)-n+1) <= hi {
			n--
		}
		out = append(out, string(cur[:n]))
		for n > 0 && cur[n-1] == '9' { // the next block begins where this one ends
			cur[n-1] = '0'
			n--
		}
		if n == 0 {
			break
		}
		cur[n-1]++
	}
	return out
}

// CutLast splits off the label nearest to the apex.
func CutLast(rel string) (head, label string) {
	if i := strings.LastIndexByte(rel, '.'); i >= 0 {
		return rel[:i], rel[i+1:]
	}
	return "", rel
}
