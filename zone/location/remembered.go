package location

// minRemembered is how many stamps are remembered at least.
const minRemembered = 1024

// dropUnlisted drops an entry that a listing lacks. The registrar has removed it while
// nobody listened, or its database was away; so that in the latter case nothing
// seems newly registered when it is back, the stamp is remembered.
func (s *Store) dropUnlisted(e *entry) Change {
	if len(s.remembered) >= max(minRemembered, s.n) {
		s.older, s.remembered = s.remembered, nil
	}
	if s.remembered == nil {
		s.remembered = map[contactKey]Stamp{}
	}
	s.remembered[contactKey{e.b.AOR, e.b.Contact}] = e.b.Stamp
	return s.drop(e)
}

// forget drops a remembered stamp: the registrar has said itself what became of it.
func (s *Store) forget(a AOR, id ContactID) {
	delete(s.remembered, contactKey{a, id})
	delete(s.older, contactKey{a, id})
}

// since returns the stamp of a contact that is found in a listing and not
// known: the one it had, or else what is proved.
func (s *Store) since(c *Contact, id ContactID) Stamp {
	g := contactKey{c.AOR, id}
	for _, of := range []map[contactKey]Stamp{s.remembered, s.older} {
		if stamp, ok := of[g]; ok {
			s.forget(c.AOR, id)
			return stamp
		}
	}
	return c.Since
}
