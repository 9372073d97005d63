package amitest

import (
	"cmp"
	"strconv"
	"strings"
)

// list is a snapshot that answers an action, written out of the lock.
type list struct {
	start, complete string // Message of the response, name of the last event
	version         int
	contacts        []Contact
	row             func(b []byte, l *list, id string, c *Contact) []byte
	events          [][]string // rows before those of contacts: name and headers
}

// write sends the list in chunks.
func (l *list) write(c *session, id string) {
	b := response("Success", id, "EventList", "start", "Message", l.start)
	n := len(l.events) + len(l.contacts)
	for _, kv := range l.events {
		b = header(b, "Event", kv[0])
		b = header(b, "ActionID", id)
		b = finish(b, kv[1:])
	}
	for i := range l.contacts {
		b = l.row(b, l, id, &l.contacts[i])
		if len(b) > chunk {
			c.queue(b)
			c.drain()
			b = b[:0]
		}
	}
	b = header(b, "Event", l.complete)
	b = header(b, "ActionID", id)
	b = finish(b, []string{"EventList", "Complete", "ListItems", strconv.Itoa(n)})
	c.queue(b)
}

func (s *Server) listContacts() *list {
	l := &list{
		start:    "A listing of Contacts follows, presented as ContactList events",
		complete: "ContactListComplete",
		version:  s.version,
		row:      contactList,
	}
	for _, name := range s.order {
		for _, c := range s.aors[name].contacts {
			if !c.Permanent {
				l.contacts = append(l.contacts, *c)
			}
		}
	}
	return l
}

// contactList formats a row of PJSIPShowContacts.
func contactList(b []byte, l *list, id string, c *Contact) []byte {
	b = header(b, "Event", "ContactList")
	b = header(b, "ActionID", id)
	b = header(b, "ObjectType", "contact")
	b = header(b, "ObjectName", c.object())
	b = header(b, "ViaAddr", "192.0.2.1")
	b = header(b, "QualifyTimeout", "2.000000")
	if l.version >= 21 {
		b = header(b, "Qualify2xxOnly", "false")
	}
	b = header(b, "CallId", "cid-"+c.AOR)
	b = header(b, "RegServer", c.RegServer)
	b = header(b, "PruneOnBoot", "no")
	b = header(b, "Path", "")
	b = header(b, "Endpoint", c.Endpoint)
	b = header(b, "ViaPort", "5060")
	b = header(b, "AuthenticateQualify", "no")
	b = header(b, "Uri", c.URI)
	b = header(b, "QualifyFrequency", "0")
	b = header(b, "UserAgent", c.UserAgent)
	b = header(b, "ExpirationTime", strconv.FormatInt(c.Expires.Unix(), 10))
	b = header(b, "OutboundProxy", "")
	b = header(b, "Status", "NonQualified")
	b = header(b, "RoundtripUsec", "N/A")
	return append(b, "\r\n"...)
}

func (s *Server) listAORs() *list {
	l := &list{
		start:    "A listing of AORs follows, presented as AorList events",
		complete: "AorListComplete",
		version:  s.version,
	}
	for _, name := range s.order {
		a := s.aors[name]
		if a.deleted || a.unlisted {
			continue
		}
		var contacts []string
		for _, c := range a.contacts {
			contacts = append(contacts, name+"/"+c.URI)
		}
		l.events = append(l.events, []string{"AorList", "ObjectType", "aor", "ObjectName", name,
			"MaxContacts", strconv.Itoa(s.cfg.MaxContacts), "Contacts", strings.Join(contacts, ",")})
	}
	return l
}

func (s *Server) listEndpoint(endpoint string) (*list, string) {
	l := &list{
		start:    "Following are Events for each object associated with the Endpoint",
		complete: "EndpointDetailComplete",
		version:  s.version,
		row:      contactDetail,
	}
	aors := []string{endpoint}
	if a := s.aors[endpoint]; a == nil || a.endpoint != endpoint || a.deleted {
		aors = nil
		for _, name := range s.order { // an endpoint named unlike its AOR
			if a := s.aors[name]; a.endpoint == endpoint && !a.deleted {
				aors = append(aors, name)
			}
		}
	}
	if aors == nil {
		return nil, "Unable to retrieve endpoint " + endpoint
	}
	l.events = append(l.events, []string{"EndpointDetail", "ObjectType", "endpoint", "ObjectName", endpoint, "Aor", aors[0], "DeviceState", "Not in use"})
	for _, name := range aors {
		l.events = append(l.events, []string{"AorDetail", "ObjectType", "aor", "ObjectName", name, "EndpointName", endpoint})
		for _, c := range s.aors[name].contacts {
			l.contacts = append(l.contacts, *c)
		}
	}
	return l, ""
}

// contactDetail formats a row of PJSIPShowEndpoint.
func contactDetail(b []byte, l *list, id string, c *Contact) []byte {
	b = header(b, "Event", "ContactStatusDetail")
	b = header(b, "ActionID", id)
	b = header(b, "AOR", c.AOR)
	b = header(b, "URI", c.URI)
	b = header(b, "UserAgent", c.UserAgent)
	b = header(b, "RegExpire", strconv.FormatInt(max(c.Expires.Unix(), 0), 10))
	b = header(b, "ViaAddress", "192.0.2.1:5060")
	b = header(b, "CallID", "cid-"+c.AOR)
	b = header(b, "Status", cmp.Or(c.Status, "NonQualified"))
	b = header(b, "RoundtripUsec", "N/A")
	b = header(b, "EndpointName", c.Endpoint)
	b = header(b, "ID", c.object())
	b = header(b, "AuthenticateQualify", "0")
	return append(b, "\r\n"...)
}
