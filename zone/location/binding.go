package location

import (
	"fmt"
	"strconv"
	"time"
)

// Contact is one registered contact as its registrar lists it now.
type Contact struct {
	AOR  AOR
	Kind Kind
	// URI is the contact as registered, never published:
	// "sip:1001@192.0.2.7:5060;ob", "iax2:1003@192.0.2.8:4569".
	URI string
	// Expires is when the registration ends, zero where the registrar does
	// not tell (IAX2, and events).
	Expires time.Time
	// Since is, in a listing, a stamp that was issued before the contact was
	// registered if the store does not know it; zero where nothing is proved.
	Since Stamp
}

// ID names the contact within its AOR.
func (c Contact) ID() ContactID {
	const offset, prime = 14695981039346656037, 1099511628211
	h := (offset ^ uint64(c.Kind)) * prime
	for i := range len(c.URI) {
		h = (h ^ uint64(c.URI[i])) * prime
	}
	return ContactID(h)
}

// ContactID is a hash of a contact's technology and URI (FNV-1a, 64 bits). It
// stands for the contact on other nodes, which have no use for the URI.
type ContactID uint64

// String returns 16 hexadecimal digits.
func (id ContactID) String() string { return hex16(uint64(id)) }

// Append appends what String returns.
func (id ContactID) Append(b []byte) []byte { return appendHex16(b, uint64(id)) }

// ParseContactID is the reverse of ContactID.String.
func ParseContactID(s string) (ContactID, error) {
	if len(s) != 16 {
		return 0, fmt.Errorf("contact id %q: want 16 hexadecimal digits", s)
	}
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("contact id %q: want 16 hexadecimal digits", s)
	}
	return ContactID(n), nil
}

// Binding ties an AOR to the home that publishes it, one for each contact; or,
// by its kind, a number, a block of numbers, a trunk or a service. It is
// comparable; two equal bindings are the same record on the wire.
type Binding struct {
	// AOR is the name that is bound: a user, trunk, provider or service, or the
	// digits of a number (of a range: its first number), "." for none.
	AOR     AOR
	Kind    Kind
	Contact ContactID
	// Stamp ranks the claim among those of other homes; zero ranks below
	// every stamped one (a contact that was only ever listed).
	Stamp Stamp
	// Info is what a published binding says beyond that.
	Info Info
}

// MaxPerName is the most contacts that one home can have registered for one
// name, and also the most bindings that it can publish under one. Names that
// differ in case only are one (RFC 4343).
const MaxPerName = 256

// Change replaces Old by New: an addition has a zero Old, a removal a zero New.
type Change struct{ Old, New Binding }

// AOR returns the name whose binding changed.
func (c Change) AOR() AOR {
	if c.New.Kind != 0 {
		return c.New.AOR
	}
	return c.Old.AOR
}

// Kind returns the kind of the binding that changed.
func (c Change) Kind() Kind {
	if c.New.Kind != 0 {
		return c.New.Kind
	}
	return c.Old.Kind
}
