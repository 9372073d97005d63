package amitest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
)

// Header is one header of an action.
type Header struct{ Name, Value string }

// Action is an action that a client sent.
type Action struct{ Headers []Header }

// Get returns the first header of that name, in any case.
func (a Action) Get(name string) string {
	for _, h := range a.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Name returns the name of the action.
func (a Action) Name() string { return a.Get("Action") }

// maxActions bounds how many actions are kept, of those received last.
const maxActions = 10000

// Actions returns the actions received, of which the last 10,000 are kept.
func (s *Server) Actions() []Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.actions)
}

// Count returns how often an action was received.
func (s *Server) Count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[name]
}

// Errors returns what clients did that they must not: actions outside the
// closed list of package ami.
func (s *Server) Errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.errs)
}

// Refuse lets an action fail with that message, "Permission denied" for one;
// an empty message ends it.
func (s *Server) Refuse(action, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[action] = message
}

// SetPermissions sets the manager user's read and write classes, as in
// manager.conf: "system,call" or "all". As in Asterisk, they hold for sessions
// that log in afterwards.
func (s *Server) SetPermissions(read, write string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read, s.write = read, write
}

// SetVersion changes the version played: 16 has chan_sip, 22 has not.
func (s *Server) SetVersion(v int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = v
}

func (s *Server) record(a Action) {
	name := a.Name()
	s.counts[name]++
	if len(s.actions) >= maxActions {
		s.actions = slices.Delete(s.actions, 0, maxActions/2)
	}
	s.actions = append(s.actions, a)
	if !slices.Contains(ami.Actions(), name) {
		err := fmt.Errorf("action %q is not in the closed list", name)
		s.errs = append(s.errs, err)
		if s.cfg.OnError != nil {
			s.cfg.OnError(err)
		}
	}
}

// answer answers one action; false ends the session.
func (s *Server) answer(c *session, a Action) bool {
	s.mu.Lock()
	s.record(a)
	name, id := a.Name(), a.Get("ActionID")
	switch {
	case name == "Login":
		ok := s.login(c, a, id)
		s.mu.Unlock()
		return ok
	case !c.loggedIn || name == "Logoff":
		s.mu.Unlock()
		return false
	}
	if name == "Filter" {
		if err := c.filter.add(a.Get("Filter")); err != nil {
			s.refuse[name] = "Filter did not compile.  Check the syntax of the filter given."
		}
	}
	list, msg := s.list(c, name, a)
	s.mu.Unlock()
	if msg != "" {
		c.queue(response("Error", id, "Message", msg))
		return true
	}
	if list == nil {
		c.queue(s.simple(name, id))
		return true
	}
	list.write(c, id)
	return true
}

func (s *Server) login(c *session, a Action, id string) bool {
	if (s.cfg.User != "" || s.cfg.Secret != "") &&
		(a.Get("Username") != s.cfg.User || a.Get("Secret") != s.cfg.Secret) {
		c.queue(response("Error", id, "Message", "Authentication failed"))
		c.close(true)
		return false
	}
	if s.cfg.OneLogin {
		for other := range s.sessions {
			if other.loggedIn {
				// Asterisk answers a refused login a second later.
				time.AfterFunc(time.Second, func() {
					c.queue(response("Error", id, "Message", "Login Already In Use"))
					c.close(true)
				})
				return true
			}
		}
	}
	c.loggedIn, c.mask = true, a.Get("Events")
	c.read, c.write, c.filter = s.read, s.write, filter{slices.Clone(s.filter.include), slices.Clone(s.filter.exclude)}
	c.queue(response("Success", id, "Message", "Authentication accepted"))
	if s.booted && c.wants("system") {
		c.queue(s.fullyBooted())
	}
	return true
}

// classOf is the class of an action that needs another one than system, "" for none.
var classOf = map[string]string{"ConfbridgeListRooms": "reporting", "ParkedCalls": "call", "QueueSummary": ""}

// list returns the list that answers an action, or the message of its error;
// neither for an action without a list.
func (s *Server) list(c *session, name string, a Action) (*list, string) {
	if msg := s.refuse[name]; msg != "" {
		return nil, msg
	}
	unknown := "Invalid/unknown command: " + name + ". Use Action: ListCommands to show available commands."
	if name == "Ping" {
		return nil, ""
	}
	pjsip := strings.HasPrefix(name, "PJSIP")
	if !slices.Contains(ami.Actions(), name) || (name == "SIPpeers" || name == "SIPshowregistry") && s.version >= 21 || pjsip && !s.booted {
		return nil, unknown
	}
	granted := allows(c.write, "system") || !pjsip && allows(c.write, "reporting")
	if class, ok := classOf[name]; ok {
		granted = class == "" || allows(c.write, class)
	}
	if !granted {
		return nil, "Permission denied"
	}
	switch name {
	case "ConfbridgeListRooms":
		return s.listRooms()
	case "QueueSummary":
		return s.listQueues(), ""
	case "ParkedCalls":
		return s.listParked(), ""
	case "PJSIPShowRegistrationsOutbound":
		return nil, "No Registrations found"
	case "SIPshowregistry", "IAXregistry":
		return &list{start: "Registrations will follow", complete: "RegistrationsComplete", version: s.version}, ""
	case "PJSIPShowContacts":
		l := s.listContacts()
		if len(l.contacts) == 0 {
			return nil, "No Contacts found"
		}
		return l, ""
	case "PJSIPShowAors":
		l := s.listAORs()
		if len(l.events) == 0 {
			return nil, "No AORs found\r\n"
		}
		return l, ""
	case "PJSIPShowEndpoint":
		return s.listEndpoint(a.Get("Endpoint"))
	case "SIPpeers":
		return s.listPeers("SIP"), ""
	case "IAXpeerlist":
		return s.listPeers("IAX2"), ""
	case "CoreShowChannels":
		return s.listChannels(), ""
	}
	return nil, ""
}

func (s *Server) simple(name, id string) []byte {
	switch name {
	case "Ping":
		return response("Success", id, "Ping", "Pong", "Timestamp", s.timestamp())
	case "CoreStatus":
		return s.coreStatus(id)
	case "CoreSettings":
		s.mu.Lock()
		defer s.mu.Unlock()
		realtime := "No"
		if s.cfg.Realtime {
			realtime = "Yes"
		}
		return response("Success", id, "AMIversion", s.amiVersion(), "AsteriskVersion", s.asteriskVersion(),
			"SystemName", s.cfg.SystemName, "CoreMaxCalls", "0", "CoreRealTimeEnabled", realtime)
	}
	return response("Success", id)
}
