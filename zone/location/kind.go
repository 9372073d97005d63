package location

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is what a binding binds: a contact of a user, by the channel technology
// that it is registered with, or something published by other means.
type Kind uint8

// The kinds. The first three are what Asterisk registers contacts with; only
// its own listings add and remove them.
const (
	PJSIP      Kind = iota + 1
	SIP             // chan_sip
	IAX2            //
	User            // a user of other software on the node
	Number          // one number
	Prefix          // a number and every longer one that begins with it
	Range           // numbers from the owner's to To, and longer ones
	Wildcard        // RFC 4592: what does not exist below the owner
	Trunk           // a way out that the node has
	Provider        // who is behind a trunk
	Service         // a queue, a conference, an IVR
	Entry           // what a directory knows of a user, registered or not
	Conference      // a conference room in which somebody is now
	Queue           // a queue, by whether somebody is there to answer
	Parked          // a slot in which a call is parked now
)

var kindNames = [...]string{PJSIP: "pjsip", SIP: "sip", IAX2: "iax2", User: "user", Number: "number",
	Prefix: "prefix", Range: "range", Wildcard: "wildcard", Trunk: "trunk", Provider: "provider", Service: "service", Entry: "entry",
	Conference: "conference", Queue: "queue", Parked: "parked"}

// String returns the word of the wire form: "pjsip", "range".
func (k Kind) String() string {
	if int(k) < len(kindNames) && k > 0 {
		return kindNames[k]
	}
	return "kind" + strconv.Itoa(int(k))
}

// ParseKind is the reverse of Kind.String. The error of a word that only later
// versions know is ErrKind.
func ParseKind(s string) (Kind, error) {
	for k, name := range kindNames {
		if name != "" && strings.EqualFold(name, s) {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("%w %q: want one of %s", ErrKind, s, strings.Join(kindNames[1:], ", "))
}

// RegisteredKind is ParseKind for the kinds that a registrar lists, as String
// spells them.
func RegisteredKind[T string | []byte](s T) (k Kind, ok bool) {
	switch string(s) {
	case "pjsip":
		return PJSIP, true
	case "sip":
		return SIP, true
	case "iax2":
		return IAX2, true
	}
	return 0, false
}

// Registered reports whether bindings of the kind are contacts that a
// registrar lists.
func (k Kind) Registered() bool { return k >= PJSIP && k <= IAX2 }

// Named reports whether bindings of the kind stand under a user's name.
func (k Kind) Named() bool { return k >= PJSIP && k <= User || k >= Entry && k <= Parked }

// Route reports whether bindings of the kind are ways out of the federation:
// which node they are at matters by its distance alone.
func (k Kind) Route() bool { return k >= Prefix && k <= Provider }

// Claims reports whether a binding of the kind says where somebody is, the
// newest one of a name now. What a directory knows says nothing of the kind,
// and a service is not a person.
func (k Kind) Claims() bool { return k != Entry && !k.Live() }

// Live reports whether bindings of the kind are services that a node has at
// this moment.
func (k Kind) Live() bool { return k >= Conference && k <= Parked }

// QueueEmpty is the Cost of a queue to which nobody is logged in: what else its
// name has goes first.
const QueueEmpty = 2

// Dialled reports whether bindings of the kind stand under digits alone.
func (k Kind) Dialled() bool { return k >= Number && k <= Wildcard }
