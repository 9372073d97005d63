package amitest

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// Contact is a PJSIP contact.
type Contact struct {
	AOR, URI  string
	Endpoint  string // the AOR's name if empty
	UserAgent string
	RegServer string // the system name if empty
	Expires   time.Time
	// Permanent contacts stand in the configuration of a trunk. They are not
	// listed among the registered ones.
	Permanent bool
	// Status is what qualify says, "NonQualified" if empty.
	Status string
}

type aor struct {
	endpoint string
	deleted  bool // not configured any more; contacts stay until they expire
	unlisted bool // configured, but no list of AORs shows it
	contacts []*Contact
}

// object is the contact's name in Asterisk's database.
func (c *Contact) object() string {
	h := fnv.New128a()
	h.Write([]byte(c.URI))
	sep := ";@"
	if c.Permanent {
		sep = "@@"
	}
	return fmt.Sprintf("%s%s%x", c.AOR, sep, h.Sum(nil))
}

// Provision makes endpoints with an AOR of the same name, without a contact.
func (s *Server) Provision(aors ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range aors {
		s.provision(a, a).deleted = false
	}
}

// Deprovision takes AORs and their endpoints out of the configuration. What is
// registered stays listed until it expires. Provision ends that.
func (s *Server) Deprovision(aors ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range aors {
		s.provision(name, "").deleted = true
	}
}

// Unlist hides AORs from the list of AORs, as a realtime database does that is
// not to be listed as a whole.
func (s *Server) Unlist(aors ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range aors {
		s.provision(name, "").unlisted = true
	}
}

// Rename gives the endpoint of an AOR another name. Its contacts keep the one
// with which they were registered.
func (s *Server) Rename(aor, endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.provision(aor, endpoint)
}

func (s *Server) provision(name, endpoint string) *aor {
	a := s.aors[name]
	if a == nil {
		a = &aor{endpoint: name}
		s.aors[name] = a
		s.order = append(s.order, name)
	}
	if endpoint != "" {
		a.endpoint = endpoint
	}
	return a
}

func (a *aor) find(uri string) *Contact {
	for _, c := range a.contacts {
		if c.URI == uri {
			return c
		}
	}
	return nil
}

// Register takes a REGISTER of a contact: a new one is announced, and the
// oldest one replaced if there are more than MaxContacts; a known one is
// refreshed without a word.
func (s *Server) Register(name, uri string, expires time.Duration) {
	s.RegisterContact(Contact{AOR: name, URI: uri, Expires: s.cfg.Now().Add(expires)})
}

// RegisterContact is Register with every detail of the contact.
func (s *Server) RegisterContact(c Contact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.provision(c.AOR, c.Endpoint)
	expiration := fmt.Sprint(int(c.Expires.Sub(s.cfg.Now()).Seconds()))
	s.extra("security", "SuccessfulAuth", "Severity", "Informational", "Service", "PJSIP", "AccountID", a.endpoint)
	if old := a.find(c.URI); old != nil {
		old.Expires = c.Expires.Truncate(time.Second)
		s.extra("reporting", "TestEvent", "Type", "StateChange", "State", "AOR_CONTACT_REFRESHED",
			"Contact", c.URI, "AOR", c.AOR, "Expiration", expiration, "UserAgent", c.UserAgent)
		return
	}
	first := len(a.contacts) == 0
	s.put(a, c)
	s.extra("reporting", "TestEvent", "Type", "StateChange", "State", "AOR_CONTACT_ADDED",
		"Contact", c.URI, "AOR", c.AOR, "Expiration", expiration, "UserAgent", c.UserAgent)
	if first {
		s.reachable(a, "Reachable", "NOT_INUSE")
	}
	s.contactStatus(a, c.AOR, c.URI, "NonQualified")
	for len(a.contacts) > s.cfg.MaxContacts && !a.contacts[0].Permanent {
		s.remove(c.AOR, a, a.contacts[0])
	}
}

// put stores a contact; Asterisk keeps whole seconds.
func (s *Server) put(a *aor, c Contact) {
	if c.RegServer == "" {
		c.RegServer = s.cfg.SystemName
	}
	if c.Endpoint == "" {
		c.Endpoint = a.endpoint
	}
	c.Expires = c.Expires.Truncate(time.Second)
	a.contacts = append(a.contacts, &c)
}

// Refresh extends a registration, which sends no ContactStatus.
func (s *Server) Refresh(name, uri string, expires time.Duration) { s.Register(name, uri, expires) }

// Put stores contacts without a word, as if they had always been there.
func (s *Server) Put(contacts ...Contact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range contacts {
		a := s.provision(c.AOR, c.Endpoint)
		if old := a.find(c.URI); old != nil {
			old.Expires = c.Expires
			continue
		}
		s.put(a, c)
	}
}

// Delete takes a contact away without a word.
func (s *Server) Delete(name, uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.aors[name]; a != nil {
		a.contacts = slices.DeleteFunc(a.contacts, func(c *Contact) bool { return c.URI == uri })
	}
}

// Unregister takes a REGISTER with Expires 0 of a contact, or of all the
// AOR's with an empty URI ("Contact: *").
func (s *Server) Unregister(name, uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.aors[name]
	if a == nil {
		return
	}
	for _, c := range slices.Clone(a.contacts) {
		if !c.Permanent && (uri == "" || c.URI == uri) {
			s.remove(name, a, c)
		}
	}
}

// remove takes a contact away and says so.
func (s *Server) remove(name string, a *aor, c *Contact) {
	a.contacts = slices.DeleteFunc(a.contacts, func(x *Contact) bool { return x == c })
	if len(a.contacts) == 0 {
		s.reachable(a, "Unreachable", "UNAVAILABLE")
	}
	s.extra("reporting", "TestEvent", "Type", "StateChange", "State", "AOR_CONTACT_REMOVED",
		"Contact", c.URI, "AOR", name, "UserAgent", c.UserAgent)
	s.contactStatus(a, name, c.URI, "Removed")
}

func (s *Server) reachable(a *aor, status, state string) {
	s.emit("system", s.event("PeerStatus", "system", "ChannelType", "PJSIP", "Peer", "PJSIP/"+a.endpoint, "PeerStatus", status))
	s.extra("call", "DeviceStateChange", "Device", "PJSIP/"+a.endpoint, "State", state)
}

func (s *Server) contactStatus(a *aor, name, uri, status string) {
	s.emit("system", s.event("ContactStatus", "system", "URI", uri, "ContactStatus", status,
		"AOR", name, "EndpointName", a.endpoint, "RoundtripUsec", "0"))
}

// Qualify reports a result of qualify for a contact: "Reachable",
// "Unreachable", or "NonQualified" when a reload ends its qualification.
func (s *Server) Qualify(name, uri, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contactStatus(s.provision(name, ""), name, uri, status)
}

// Announce reports all contacts now, as a starting Asterisk may still do when
// it is FullyBooted.
func (s *Server) Announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce(s.stop)
}

// announce reports all contacts, as a starting Asterisk does before it is
// FullyBooted.
func (s *Server) announce(run chan struct{}) {
	if !s.running || s.stop != run {
		return
	}
	for _, name := range s.order {
		a := s.aors[name]
		if len(a.contacts) > 0 {
			s.reachable(a, "Reachable", "NOT_INUSE")
		}
		for _, c := range a.contacts {
			s.contactStatus(a, name, c.URI, "NonQualified")
		}
	}
}
