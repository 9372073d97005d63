package ami

import (
	"fmt"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

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
	state   states
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
	if s.cfg.Trunks == nil {
		t.at = time.Time{} // a Reload or Registry concerns nobody
		return nil
	}
	if t.open > 0 || t.at.IsZero() || now.Before(t.at) {
		return nil
	}
	t.devices = s.cfg.Trunks.Devices()
	t.at, t.started = now.Add(lookEvery), now
	var ask []lookup
	t.state, ask = lookups(t.devices)
	for _, l := range ask {
		t.open++
		if err := s.send(l.action, &request{look: true, device: l.device, tech: l.device.Kind}, l.values()...); err != nil {
			return err
		}
	}
	return nil
}

// looked takes a message that answers a listing of a look, or of services.
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
	if classes[r.service].list == r.action {
		return s.serviceAnswer(id, r, m, end)
	}
	if !end {
		s.trunks.state.row(lookup{r.action, r.device}, m)
		return nil
	}
	delete(s.pending, id)
	if s.trunks.open--; s.trunks.open == 0 {
		result := s.trunks.state.result()
		s.refreshes.settle(result, time.Now())
		s.cfg.Trunks.Looked(result)
	}
	return nil
}

// refreshTimeout is how long a provider may take to answer a REGISTER: 64*T1,
// after which the transaction has failed (RFC 3261 section 17.1.2.2).
const refreshTimeout = 32 * time.Second

// refreshes remembers, over connections, what was known of a device before its
// registration began to be refreshed. chan_sip and IAX2 list a registration as
// "Request Sent" until the provider answers, though the one before still holds.
type refreshes struct {
	last  map[Device]error     // the last result that was final
	since map[Device]time.Time // when a refresh was seen first
}

// settle replaces ErrRegistering in a result by what was known before, for as
// long as an answer may still come. Of a device that has never been registered
// nothing was known.
func (r *refreshes) settle(result map[Device]error, now time.Time) {
	last, since := map[Device]error{}, map[Device]time.Time{}
	for d, err := range result {
		if err != ErrRegistering {
			last[d] = err
			continue
		}
		was, known := r.last[d]
		if !known {
			continue
		}
		began, going := r.since[d]
		if !going {
			began = now
		}
		last[d], since[d] = was, began
		if result[d] = was; was == nil && now.Sub(began) >= refreshTimeout {
			result[d] = fmt.Errorf("its provider has not answered for %v", refreshTimeout)
		}
	}
	r.last, r.since = last, since
}
