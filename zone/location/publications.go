package location

// Publications holds the published bindings of one home: those that no
// registrar lists. It is not safe for concurrent use: it has one writer. What
// it is asked to add or withdraw becomes Changes, which take effect with
// Apply: in between they can be written to a disk that may refuse them.
type Publications struct {
	byName map[pubName]map[ContactID]Binding
	n      int
	ends   calendar
}

// pubName is what bindings of one owner name share.
type pubName struct {
	kind Kind // of all that share a tree, the same
	name string
}

func nameOf(k Kind, a AOR) pubName {
	switch {
	case k.Named():
		k = User
	case k.Dialled() && k != Wildcard:
		k = Number
	}
	return pubName{k, a.Fold()}
}

// NewPublications returns an empty set.
func NewPublications() *Publications {
	return &Publications{byName: map[pubName]map[ContactID]Binding{}}
}

// Len returns the number of bindings.
func (p *Publications) Len() int { return p.n }

// Apply makes changes take effect.
func (p *Publications) Apply(changes []Change) {
	for _, c := range changes {
		if c.Old.Kind != 0 {
			p.drop(c.Old)
		}
		if c.New.Kind != 0 {
			p.put(c.New)
		}
	}
}

func (p *Publications) put(b Binding) {
	k := nameOf(b.Kind, b.AOR)
	set := p.byName[k]
	if set == nil {
		set = make(map[ContactID]Binding, 1)
		p.byName[k] = set
	}
	if _, known := set[b.Contact]; !known {
		p.n++
	}
	set[b.Contact] = b
	p.schedule(k, b)
}

func (p *Publications) drop(b Binding) {
	k := nameOf(b.Kind, b.AOR)
	if _, known := p.byName[k][b.Contact]; !known {
		return
	}
	p.n--
	delete(p.byName[k], b.Contact)
	if len(p.byName[k]) == 0 {
		delete(p.byName, k)
	}
}

// At returns what is published under the name of a binding of the kind, in no
// particular order: numbers, prefixes and ranges share a name.
func (p *Publications) At(k Kind, a AOR) []Binding {
	var out []Binding
	for _, b := range p.byName[nameOf(k, a)] {
		out = append(out, b)
	}
	return out
}

// Get returns the binding with the identity of b.
func (p *Publications) Get(b Binding) (Binding, bool) {
	b, ok := p.byName[nameOf(b.Kind, b.AOR)][b.Contact]
	return b, ok
}

// Bindings returns all bindings in no particular order.
func (p *Publications) Bindings() []Binding {
	out := make([]Binding, 0, p.n)
	for _, set := range p.byName {
		for _, b := range set {
			out = append(out, b)
		}
	}
	return out
}
