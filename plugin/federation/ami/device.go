package ami

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// Device is what a trunk leads through: an endpoint of PJSIP, or a peer of
// chan_sip or IAX2.
type Device struct {
	Kind location.Kind // PJSIP, SIP or IAX2
	Name string
	// Registration is the outbound registration that the device needs: the
	// section of PJSIP's, or "USER@HOST" or "USER@HOST:PORT" as chan_sip and
	// IAX2 list it. chan_sip may also need the domain to tell two of them
	// apart: "USER@DOMAIN@HOST:PORT". "" means, of PJSIP, those whose endpoint=
	// names the device, if any do, and of the others none.
	Registration string
}

// String returns the name as a dialplan has it: "PJSIP/telco".
func (d Device) String() string { return strings.ToUpper(d.Kind.String()) + "/" + d.Name }

// ParseDevice reads "PJSIP/telco", "IAX2/telco" or "SIP/telco".
func ParseDevice(s string) (Device, error) {
	tech, name, _ := strings.Cut(s, "/")
	k, ok := location.RegisteredKind(strings.ToLower(tech))
	if !ok || name == "" || len(name) > 80 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' }) {
		return Device{}, fmt.Errorf("device %q: want PJSIP/ENDPOINT, IAX2/PEER or SIP/PEER", s)
	}
	return Device{Kind: k, Name: name}, nil
}

// states are what the listings of a look say of devices.
type states map[Device]*deviceState

// deviceState is what they say of one device.
type deviceState struct {
	found     bool
	busy      bool
	contacts  int
	reachable bool
	status    string
	registry  registryState
}

// registryState is what the rows of a list of registrations say of the one
// that a device needs.
type registryState struct {
	need  bool // the device names its registration
	fits  fit  // how well the rows below fit that name
	rows  int
	ended bool // a row says that it is not registered
	begun bool // a row says that an answer of the provider is awaited
}

// fit says how well a row fits the name of a registration.
type fit uint8

const (
	fitsNot  fit = iota
	fitsUser     // user and host are the same, the domain was not given and is another one than the host
	fitsAll
)

// row adds a row. Rows that fit better replace those before them.
func (r *registryState) row(f fit, m *message) {
	if f < r.fits || f == fitsNot {
		return
	}
	if f > r.fits {
		*r = registryState{need: r.need, fits: f}
	}
	r.rows++
	switch state := m.text(keyState) + m.text(keyStatus); state { // State of RegistryEntry, Status of PJSIP
	case "Registered":
	case "Request Sent", "Auth. Sent":
		r.begun = true
	default:
		r.ended = true
	}
}

var (
	errNoRegistration = errors.New("no such registration is known to Asterisk")
	errAmbiguous      = errors.New("Asterisk has several such registrations; write USER@DOMAIN@HOST:PORT")
	errUnregistered   = errors.New("it is not registered at its provider")
)

// ErrRegistering means that a registration waits for an answer of its provider.
// An earlier one may still hold.
var ErrRegistering = errors.New("it is not registered at its provider yet")

func (r *registryState) err() error {
	switch {
	case r.need && r.rows == 0:
		return errNoRegistration
	case r.fits == fitsUser && r.rows > 1:
		return errAmbiguous
	case r.ended:
		return errUnregistered
	case r.begun:
		return ErrRegistering
	}
	return nil
}

// lookup is one listing of a look. The device is that of actEndpoint; of other
// listings only its Kind counts.
type lookup struct {
	action action
	device Device
}

func (l lookup) values() []string {
	if l.action == actEndpoint {
		return []string{l.device.Name}
	}
	return nil
}

// registries list the outbound registrations of each technology.
var registries = [len(lists)]action{location.PJSIP: actOutbound, location.SIP: actSIPOut, location.IAX2: actIAXOut}

// lookups returns the listings that tell how the devices are, and what takes
// their rows.
func lookups(devices []Device) (states, []lookup) {
	s := states{}
	var out []lookup
	var used, registers [len(lists)]bool
	for _, d := range devices {
		if s[d] != nil {
			continue
		}
		s[d] = &deviceState{registry: registryState{need: d.Registration != ""}}
		used[d.Kind] = true
		registers[d.Kind] = registers[d.Kind] || d.Kind == location.PJSIP || d.Registration != ""
		if d.Kind == location.PJSIP {
			out = append(out, lookup{actEndpoint, d})
		}
	}
	for k := range used {
		of := Device{Kind: location.Kind(k)}
		if used[k] && of.Kind != location.PJSIP {
			out = append(out, lookup{lists[k], of})
		}
		if registers[k] {
			out = append(out, lookup{registries[k], of})
		}
	}
	return s, out
}

// row takes one event of a listing.
func (s states) row(l lookup, m *message) {
	switch l.action {
	case actEndpoint:
		d := s[l.device]
		switch string(m.get(keyEvent)) {
		case "EndpointDetail":
			d.found, d.busy = true, m.is(keyDeviceState, "Busy")
		case "ContactStatusDetail":
			d.contacts++
			d.status = m.text(keyStatus)
			d.reachable = d.reachable || d.status == "Reachable" || d.status == "NonQualified"
		}
	case actOutbound, actSIPOut, actIAXOut:
		for at, d := range s {
			if at.Kind == l.device.Kind {
				d.registry.row(at.registersBy(m), m)
			}
		}
	default:
		for at, d := range s {
			if at.Kind == l.device.Kind && m.is(keyObjectName, at.Name) {
				d.found, d.contacts, d.status = true, 1, m.text(keyStatus)
				d.reachable = peerReachable(m)
			}
		}
	}
}

// registersBy says how well a row of a list of registrations fits the one that
// the device needs.
func (d Device) registersBy(m *message) fit {
	if d.Kind == location.PJSIP {
		if d.Registration != "" && m.is(keyObjectName, d.Registration) || d.Registration == "" && m.is(keyEndpoint, d.Name) {
			return fitsAll
		}
		return fitsNot
	}
	last := strings.LastIndexByte(d.Registration, '@')
	if last < 0 {
		return fitsNot
	}
	host := d.Registration[last+1:]
	user, domain, given := strings.Cut(d.Registration[:last], "@")
	at := m.text(keyHost) // of IAX2 with its port
	name, port, err := net.SplitHostPort(at)
	if err != nil {
		name, port = at, m.text(keyPort)
	}
	switch of := m.text(keyDomain); {
	case host == "" || !m.is(keyUsername, user):
		return fitsNot
	case !strings.EqualFold(host, name) && !strings.EqualFold(host, net.JoinHostPort(name, port)):
		return fitsNot
	case given && !strings.EqualFold(domain, of):
		return fitsNot
	case given || of == "" || strings.EqualFold(of, name):
		return fitsAll
	}
	return fitsUser
}

// result says of each device why calls cannot leave through it now, nil if they
// can.
func (s states) result() map[Device]error {
	out := make(map[Device]error, len(s))
	for d, state := range s {
		out[d] = state.err()
	}
	return out
}

// peerReachable reads the status of a row of SIPpeers or IAXpeerlist: "OK (3
// ms)", "LAGGED (2100 ms)", or, of one that is not qualified, "Unmonitored".
func peerReachable(m *message) bool {
	status := bytes.ToUpper(m.get(keyStatus))
	switch {
	case bytes.HasPrefix(status, []byte("OK")), bytes.HasPrefix(status, []byte("LAGGED")):
		return true
	case bytes.HasPrefix(status, []byte("UNMONITORED")):
		return net.ParseIP(strings.Trim(m.text(keyIPAddress), "[]")) != nil
	}
	return false
}

// err says why calls cannot leave through a device, nil if they can.
func (d *deviceState) err() error {
	switch {
	case !d.found:
		return errors.New("no such device is known to Asterisk")
	case d.contacts == 0:
		return errors.New("it has no contact")
	case !d.reachable:
		return fmt.Errorf("it is %.40q", d.status)
	case d.registry.err() != nil && !(d.busy && d.registry.err() == ErrRegistering):
		return d.registry.err()
	case d.busy:
		return errors.New("all its channels are busy")
	}
	return nil
}
