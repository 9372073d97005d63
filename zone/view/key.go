package view

import "strings"

// Key is what claims stand under: a user's name, or what is published beside the
// users. Its text is what the history has on disk. An AOR has none of the signs
// below (location.ParseAOR), so that no two keys are spelled alike:
//
//	1001, +97231234000   a user, by folded AOR
//	#97231234            a number
//	*972, *              what covers every longer number: a prefix, a block of a range, a wildcard
//	trunks/berlin        a name of one of the trees of record: trunks, providers, services
//	@pbx-a               a home; no claim stands there, a Change does
//	=start               a note that the history makes for itself
type Key string

// The signs of keys, for those who put one together in memory of their own. All
// others use the constructors below.
const (
	NumberSign = "#"
	CoverSign  = "*"
	TreeSign   = "/" // between the tree and the name
	NoteSign   = "="
	homeSign   = "@"

	leadingSigns = NumberSign + CoverSign + homeSign + NoteSign
)

// UserKey returns the key of a folded AOR.
func UserKey(folded string) Key { return Key(folded) }

// numberKey returns the key of a published number.
func numberKey(digits string) Key { return Key(NumberSign + digits) }

// coverKey returns the key of what covers every number that begins with the digits.
func coverKey(digits string) Key { return Key(CoverSign + digits) }

// TreeKey returns the key of a name of one label, folded, in a tree.
func TreeKey(tree, name string) Key { return Key(tree + TreeSign + name) }

// HomeKey returns the key of a node's home.
func HomeKey(node string) Key { return Key(homeSign + node) }

// User returns the folded AOR of a user's key.
func (k Key) User() (folded string, ok bool) {
	if k != "" && strings.IndexByte(leadingSigns, k[0]) >= 0 || strings.Contains(string(k), TreeSign) {
		return "", false
	}
	return string(k), true
}

// Number returns the digits of a published number.
func (k Key) Number() (digits string, ok bool) { return k.behind(NumberSign) }

// Cover returns the digits that the numbers begin with which the key covers.
func (k Key) Cover() (digits string, ok bool) { return k.behind(CoverSign) }

// Digits returns the digits of a published number, or of what covers numbers.
func (k Key) Digits() (digits string, ok bool) {
	if digits, ok = k.Number(); !ok {
		digits, ok = k.Cover()
	}
	return digits, ok
}

// Tree returns the tree and the name of a trunk, a provider or a service.
func (k Key) Tree() (tree, name string, ok bool) {
	if tree, name, ok = strings.Cut(string(k), TreeSign); !ok {
		return "", "", false
	}
	return tree, name, true
}

// Home returns the node of a home.
func (k Key) Home() (node string, ok bool) { return k.behind(homeSign) }

// Note returns the name of a note of the history.
func (k Key) Note() (name string, ok bool) { return k.behind(NoteSign) }

func (k Key) behind(sign string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(string(k), sign); !ok {
		return "", false
	}
	return rest, true
}
