package view

// spelling is how a home has a number: 972… as a user's name, +972… as one, or
// published as a number. However many of them it has, they are one node of the
// ENUM tree and count once. A sum of spellings is a set.
type spelling uint8

const (
	plain spelling = 1 << iota
	plus
	published
)

// spellingOf returns the spelling of a user's name that is a number.
func spellingOf(name, digits string) spelling {
	if name != digits {
		return plus
	}
	return plain
}

// others returns every spelling but s.
func (s spelling) others() spelling { return (plain | plus | published) &^ s }

// sized notes that a number of so many digits is spelled so.
func (l *Lengths) sized(s spelling, n int) {
	switch s {
	case plain:
		l.Plain.add(n)
	case plus:
		l.Plus.add(n)
	case published:
		l.Published.add(n)
	}
}

// spells reports whether the home has the number in one of these spellings.
func (h *Home) spells(digits string, in spelling) bool {
	v, n := h.view, len(digits)
	return in&plain != 0 && v.lengths.Plain.Has(n) && holds(v.Named(digits), h) ||
		in&plus != 0 && v.lengths.Plus.Has(n) && holds(v.Named("+"+digits), h) ||
		in&published != 0 && v.lengths.Published.Has(n) && holds(v.Keyed(numberKey(digits)), h)
}
