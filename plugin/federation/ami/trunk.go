package ami

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Device is what a trunk leads through: an endpoint of PJSIP, or a peer of
// chan_sip or IAX2.
type Device struct {
	Kind location.Kind // PJSIP, SIP or IAX2
	Name string
	// Registration is the outbound registration of PJSIP that the device needs.
	// "" means those whose endpoint= names the device, if any do.
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

// TrunkWatcher says which devices matter, and is told how they are. Its
// methods are called from the goroutine of the Source and must not block.
type TrunkWatcher interface {
	// Devices returns the devices to look at, asked before each look.
	Devices() []Device
	// Looked gets the result of one look: for each device why calls cannot
	// leave through it now, nil if they can. The map is the callee's to keep.
	Looked(map[Device]error)
}

// lookEvery is how often trunks are looked at without a sign that one has
// changed. It is also how soon a trunk that is full is noticed.
const (
	lookEvery = 5 * time.Second
	// lookPause is between looks, however many signs there are: a provider
	// that answers oddly makes Asterisk register thousands of times a second.
	lookPause = 50 * time.Millisecond
)

// trunkLook is one look at all devices: a listing of each, together.
type trunkLook struct {
	at      time.Time // when the next is due
	open    int       // listings under way
	started time.Time
	devices []Device
	state   map[Device]*deviceState
}

// deviceState is what the listings of a look say of one device.
type deviceState struct {
	found      bool
	busy       bool
	contacts   int
	reachable  bool
	registered bool // no registration that it needs is missing
	status     string
	need       bool // its registration is to be seen by name
}

func (t *trunkLook) want(at time.Time) {
	if earliest := t.started.Add(lookPause); at.Before(earliest) {
		at = earliest
	}
	if t.at.IsZero() || at.Before(t.at) {
		t.at = at
	}
}

// wakeAt returns when the next look is due, zero for none or while one runs.
func (t *trunkLook) wakeAt() time.Time {
	if t.open > 0 {
		return t.started.Add(listTimeout + time.Millisecond)
	}
	return t.at
}

// trunkHint looks at once if the device that changed is a trunk's.
func (s *session) trunkHint(t location.Kind, name []byte) {
	for i := range s.trunks.devices {
		if d := &s.trunks.devices[i]; d.Kind == t && d.Name == string(name) {
			s.trunks.want(time.Now())
			return
		}
	}
}

// stepTrunks begins a look that is due.
func (s *session) stepTrunks(now time.Time) error {
	t := &s.trunks
	if t.open > 0 && now.Sub(t.started) > listTimeout {
		return fmt.Errorf("list trunks: %w", errSilent)
	}
	if s.cfg.Trunks == nil || t.open > 0 || t.at.IsZero() || now.Before(t.at) {
		return nil
	}
	t.devices, t.state = s.cfg.Trunks.Devices(), map[Device]*deviceState{}
	t.at, t.started = now.Add(lookEvery), now
	var peers [len(lists)]bool
	for _, d := range t.devices {
		if t.state[d] != nil {
			continue
		}
		t.state[d] = &deviceState{registered: true, need: d.Registration != ""}
		if d.Kind != location.PJSIP {
			peers[d.Kind] = true
			continue
		}
		t.open++
		if err := s.send(actEndpoint, &request{look: true, device: d}, d.Name); err != nil {
			return err
		}
	}
	if t.open > 0 {
		t.open++
		if err := s.send(actOutbound, &request{look: true}); err != nil {
			return err
		}
	}
	for k, wanted := range peers {
		if wanted {
			t.open++
			if err := s.send(lists[k], &request{look: true, tech: location.Kind(k)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// looked takes a message that answers a listing of a look, or of rooms.
func (s *session) looked(id uint64, r *request, m *message) error {
	end := false
	switch {
	case m.is(keyResponse, "Error"):
		end = true
	case m.has&(1<<keyResponse) != 0:
		return nil
	case m.is(keyEventList, "Complete"), strings.EqualFold(m.text(keyEventList), "cancelled"):
		end = true
	}
	if r.action == actRooms {
		return s.roomAnswer(id, r, m, end)
	}
	if !end {
		s.trunkRow(r, m)
		return nil
	}
	delete(s.pending, id)
	if s.trunks.open--; s.trunks.open == 0 {
		s.deliverTrunks()
	}
	return nil
}

// trunkRow takes one event of a listing.
func (s *session) trunkRow(r *request, m *message) {
	switch r.action {
	case actEndpoint:
		d := s.trunks.state[r.device]
		switch string(m.get(keyEvent)) {
		case "EndpointDetail":
			d.found, d.busy = true, m.is(keyDeviceState, "Busy")
		case "ContactStatusDetail":
			d.contacts++
			d.status = m.text(keyStatus)
			d.reachable = d.reachable || d.status == "Reachable" || d.status == "NonQualified"
		}
	case actOutbound:
		for at, d := range s.trunks.state {
			named := at.Registration != "" && m.is(keyObjectName, at.Registration)
			if at.Kind == location.PJSIP && (named || at.Registration == "" && m.is(keyEndpoint, at.Name)) {
				d.need = false
				d.registered = d.registered && m.is(keyStatus, "Registered")
			}
		}
	default:
		for at, d := range s.trunks.state {
			if at.Kind == r.tech && m.is(keyObjectName, at.Name) {
				d.found, d.contacts, d.status = true, 1, m.text(keyStatus)
				d.reachable = peerReachable(m)
			}
		}
	}
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

// deliverTrunks passes a look on. What changed during it brings another one.
func (s *session) deliverTrunks() {
	out := make(map[Device]error, len(s.trunks.state))
	for d, state := range s.trunks.state {
		out[d] = state.err()
	}
	s.cfg.Trunks.Looked(out)
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
	case d.need:
		return errors.New("no such registration is known to Asterisk")
	case !d.registered:
		return errors.New("it is not registered at its provider")
	case d.busy:
		return errors.New("all its channels are busy")
	}
	return nil
}
