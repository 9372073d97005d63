package location

import (
	"iter"
	"maps"
)

// Publications holds the published bindings of one home: those that no
// registrar lists. It is not safe for concurrent use: it has one writer. What
// it is asked to add or withdraw becomes Changes, which take effect with
// Apply: in between they can be written to a disk that may refuse them.
type Publications struct {
	byName map[pubName]map[ContactID]Binding
	n      int
	ends   calendar
	by     map[string]map[identity]Binding // of the sources that By was asked for
	keys   map[string]int                  // how many each update key has
}

// identity names a binding among all that are published.
type identity struct {
	of pubName
	id ContactID
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
	return &Publications{byName: map[pubName]map[ContactID]Binding{}, by: map[string]map[identity]Binding{}, keys: map[string]int{}}
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
	old, known := set[b.Contact]
	if !known {
		p.n++
	} else {
		p.count(old, -1)
	}
	p.count(b, 1)
	set[b.Contact] = b
	if len(p.by) > 0 {
		delete(p.by[source(old)], identity{k, b.Contact})
		if of := p.by[source(b)]; of != nil {
			of[identity{k, b.Contact}] = b
		}
	}
	p.schedule(k, b)
}

func (p *Publications) drop(b Binding) {
	k := nameOf(b.Kind, b.AOR)
	held, known := p.byName[k][b.Contact]
	if !known {
		return
	}
	if len(p.by) > 0 {
		delete(p.by[source(held)], identity{k, b.Contact})
	}
	p.n--
	p.count(held, -1)
	delete(p.byName[k], b.Contact)
	if len(p.byName[k]) == 0 {
		delete(p.byName, k)
	}
}

func source(b Binding) string { return b.Info.Details().By }

// By goes through what a source keeps up to date (Details.By), in no particular
// order. From the first time on it costs what that source has, however much
// others publish.
func (p *Publications) By(name string) iter.Seq[Binding] {
	of, asked := p.by[name]
	if !asked {
		of = map[identity]Binding{}
		for k, set := range p.byName {
			for id, b := range set {
				if source(b) == name {
					of[identity{k, id}] = b
				}
			}
		}
		p.by[name] = of
	}
	return maps.Values(of)
}

func (p *Publications) count(b Binding, n int) {
	d := b.Info.Details()
	if d.By != "" {
		return
	}
	if p.keys[d.Key] += n; p.keys[d.Key] == 0 {
		delete(p.keys, d.Key)
	}
}

// CountKey returns how many bindings the updates of a key have published
// (Details.Key).
func (p *Publications) CountKey(key string) int { return p.keys[key] }

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
