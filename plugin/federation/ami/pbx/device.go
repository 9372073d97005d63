package pbx

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/asterfed/asterfed/plugin/federation/ami"
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

// states are what the actions of one listing say of devices.
type states struct{ of map[Device]*deviceState }

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
func (r *registryState) row(f fit, m *ami.Message) {
	if f < r.fits || f == fitsNot {
		return
	}
	if f > r.fits {
		*r = registryState{need: r.need, fits: f}
	}
	r.rows++
	switch state := m.Text(ami.KeyState) + m.Text(ami.KeyStatus); state { // State of RegistryEntry, Status of PJSIP
	case "Registered":
	case "Request Sent", "Auth. Sent":
		r.begun = true
	default:
		r.ended = true
	}
}

var (
	errNoRegistration = errors.New("no such registration is known to Asterisk")
	errAmbiguous      = errors.New("several such registrations at Asterisk; write USER@DOMAIN@HOST:PORT")
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

// lookup is one action of a listing. The device is that of ami.ActEndpoint; of
// other actions only its Kind counts.
type lookup struct {
	Action ami.Action
	Device Device
}

// Values returns the values of the fields of the action.
func (l lookup) Values() []string {
	if l.Action == ami.ActEndpoint {
		return []string{l.Device.Name}
	}
	return nil
}

// kinds is the number of technologies, peers the action that lists the peers of
// each, and registries that which lists its outbound registrations.
const kinds = location.IAX2 + 1

var peers = [kinds]ami.Action{location.SIP: ami.ActSIPPeers, location.IAX2: ami.ActIAXPeerlist}

var registries = [kinds]ami.Action{location.PJSIP: ami.ActOutbound, location.SIP: ami.ActSIPOut, location.IAX2: ami.ActIAXOut}

// Lookups returns the actions that tell whether the devices can be used, and what
// takes their rows.
func Lookups(devices []Device) (*states, []lookup) {
	s := &states{map[Device]*deviceState{}}
	var out []lookup
	var used, registers [kinds]bool
	for _, d := range devices {
		if s.of[d] != nil {
			continue
		}
		s.of[d] = &deviceState{registry: registryState{need: d.Registration != ""}}
		used[d.Kind] = true
		registers[d.Kind] = registers[d.Kind] || d.Kind == location.PJSIP || d.Registration != ""
		if d.Kind == location.PJSIP {
			out = append(out, lookup{ami.ActEndpoint, d})
		}
	}
	for k := range kinds {
		of := Device{Kind: k}
		if used[k] && k != location.PJSIP {
			out = append(out, lookup{peers[k], of})
		}
		if registers[k] {
			out = append(out, lookup{registries[k], of})
		}
	}
	return s, out
}

// Row takes one event of the answer to an action.
func (s *states) Row(l lookup, m *ami.Message) {
	switch l.Action {
	case ami.ActEndpoint:
		d := s.of[l.Device]
		switch string(m.Get(ami.KeyEvent)) {
		case "EndpointDetail":
			d.found, d.busy = true, m.Is(ami.KeyDeviceState, "Busy")
		case "ContactStatusDetail":
			d.contacts++
			d.status = m.Text(ami.KeyStatus)
			d.reachable = d.reachable || d.status == "Reachable" || d.status == "NonQualified"
		}
	case ami.ActOutbound, ami.ActSIPOut, ami.ActIAXOut:
		for at, d := range s.of {
			if at.Kind == l.Device.Kind {
				d.registry.row(at.registersBy(m), m)
			}
		}
	default:
		for at, d := range s.of {
			if at.Kind == l.Device.Kind && m.Is(ami.KeyObjectName, at.Name) {
				d.found, d.contacts, d.status = true, 1, m.Text(ami.KeyStatus)
				d.reachable = peerReachable(m)
			}
		}
	}
}

// registersBy says how well a row of a list of registrations fits the one that
// the device needs.
func (d Device) registersBy(m *ami.Message) fit {
	if d.Kind == location.PJSIP {
		if d.Registration != "" && m.Is(ami.KeyObjectName, d.Registration) || d.Registration == "" && m.Is(ami.KeyEndpoint, d.Name) {
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
	at := m.Text(ami.KeyHost) // of IAX2 with its port
	name, port, err := net.SplitHostPort(at)
	if err != nil {
		name, port = at, m.Text(ami.KeyPort)
	}
	switch of := m.Text(ami.KeyDomain); {
	case host == "" || !m.Is(ami.KeyUsername, user):
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

// Result returns for each device why calls cannot leave through it now, nil if they
// can.
func (s *states) Result() map[Device]error {
	out := make(map[Device]error, len(s.of))
	for d, state := range s.of {
		out[d] = state.err()
	}
	return out
}

// peerReachable reads the status of a row of SIPpeers or IAXpeerlist: "OK (3
// ms)", "LAGGED (2100 ms)", or, of one that is not qualified, "Unmonitored".
func peerReachable(m *ami.Message) bool {
	status := bytes.ToUpper(m.Get(ami.KeyStatus))
	switch {
	case bytes.HasPrefix(status, []byte("OK")), bytes.HasPrefix(status, []byte("LAGGED")):
		return true
	case bytes.HasPrefix(status, []byte("UNMONITORED")):
		return net.ParseIP(strings.Trim(m.Text(ami.KeyIPAddress), "[]")) != nil
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
