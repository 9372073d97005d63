package location

// minGhosts is how many ghosts are remembered at least.
const minGhosts = 1024

// haunt drops an entry that a listing lacks. The registrar has removed it while
// nobody listened, or its database was away; so that in the latter case nothing
// seems newly registered when it is back, the stamp is remembered.
func (s *Store) haunt(e *entry) Change {
	if len(s.ghosts) >= max(minGhosts, s.n) {
		s.older, s.ghosts = s.ghosts, nil
	}
	if s.ghosts == nil {
		s.ghosts = map[ghost]Stamp{}
	}
	s.ghosts[ghost{e.b.AOR, e.b.Contact}] = e.b.Stamp
	return s.drop(e)
}

// forget lays a ghost: the registrar has said itself what became of it.
func (s *Store) forget(a AOR, id ContactID) {
	delete(s.ghosts, ghost{a, id})
	delete(s.older, ghost{a, id})
}

// since returns the stamp of a contact that is found in a listing and not
// known: the one it had, or else what is proved.
func (s *Store) since(c *Contact, id ContactID) Stamp {
	g := ghost{c.AOR, id}
	for _, of := range []map[ghost]Stamp{s.ghosts, s.older} {
		if stamp, ok := of[g]; ok {
			s.forget(c.AOR, id)
			return stamp
		}
	}
	return c.Since
}
