package registrations

import (
	"bytes"
	"net"
	"strings"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// maxURI is the longest contact URI that is kept.
const maxURI = 2048

// AOR returns the AOR of a contact's object name, "1001;@<hash>". A
// permanent contact is named "trunk@@<hash>" and belongs to no user.
func AOR(name []byte) ([]byte, bool) {
	i := bytes.Index(name, []byte(";@"))
	if i <= 0 {
		return nil, false
	}
	return name[:i], true
}

// readContact reads the headers that ContactList and ContactStatusDetail share.
// The user of the AOR is nil if there is none.
func (t *table) readContact(m *ami.Message, a location.AOR, u *user) (row, bool) {
	uri := m.Get(ami.KeyURI)
	if len(uri) == 0 || len(uri) > maxURI {
		return row{}, false
	}
	r := row{user: u, aor: a}
	if h := u.known(uri); h != nil {
		r.uri = h.uri
	} else {
		r.uri = string(uri)
	}
	if n, ok := m.Number(ami.KeyExpires); ok {
		r.expires = n
	}
	switch ep := m.Get(ami.KeyEndpoint); {
	case string(ep) == string(a):
		r.endpoint = string(a)
	case u != nil && string(ep) == u.endpoint:
		r.endpoint = u.endpoint
	default:
		r.endpoint = string(ep)
	}
	return r, true
}

// Peer makes the contact of a chan_sip or IAX2 peer. An IAX2 peer's event
// lacks the port, so that its URI never has one.
func Peer(a location.AOR, t location.Kind, addr string) location.Contact {
	c := location.Contact{AOR: a, Kind: t}
	if t == location.SIP {
		c.URI = "sip:" + string(a) + "@" + addr
		return c
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	addr = strings.Trim(addr, "[]")
	if strings.Contains(addr, ":") {
		addr = "[" + addr + "]"
	}
	c.URI = "iax2:" + string(a) + "@" + addr
	return c
}
