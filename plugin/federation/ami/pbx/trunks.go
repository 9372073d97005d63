package pbx

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// TrunkWatcher names the devices that matter, and receives whether they can be used.
// Its methods are called from the goroutine of the Client and must not block.
type TrunkWatcher interface {
	// Devices returns the devices to list, asked before each listing.
	Devices() []Device
	// Listed gets, for each device, why calls cannot leave through it now, nil if
	// they can. The map is the callee's to keep.
	Listed(map[Device]error)
}

const (
	// trunksEvery is how often trunks are listed without a sign that one has
	// changed. It is also how soon a trunk that is full is noticed.
	trunksEvery = 5 * time.Second
	// trunksPause is between listings, however many signs there are: a provider
	// that answers oddly makes Asterisk register thousands of times a second.
	trunksPause = 50 * time.Millisecond
	// trunksTimeout is how long Asterisk may take to answer.
	trunksTimeout = 30 * time.Second
	// reloadDelay lets a reload end before everything is listed again.
	reloadDelay = 500 * time.Millisecond
)

// Trunks is the part of a Client that follows trunks: it lists all their devices
// together, again and again.
type Trunks struct {
	watcher   TrunkWatcher
	conn      *ami.Conn
	at        time.Time // when the next listing is due
	open      int       // actions under way
	started   time.Time
	devices   []Device
	states    *states
	refreshes refreshes
	run       time.Time // of Asterisk
}

// NewTrunks returns a part that reports to the watcher.
func NewTrunks(w TrunkWatcher) *Trunks { return &Trunks{watcher: w} }

// Classes implements ami.Part.
func (t *Trunks) Classes() []string { return nil }

// Begin implements ami.Part.
func (t *Trunks) Begin(c *ami.Conn, b ami.Boot) error {
	if !ami.SameRun(t.run, b.Run) {
		t.refreshes = refreshes{} // an Asterisk that was started is registered nowhere
	}
	t.conn, t.run, t.open, t.at = c, b.Run, 0, time.Time{}
	t.want(time.Now())
	return nil
}

// Event implements ami.Part.
func (t *Trunks) Event(m *ami.Message) error {
	switch string(m.Get(ami.KeyEvent)) {
	case "Registry":
		t.want(time.Now())
	case "Reload":
		t.want(time.Now().Add(reloadDelay))
	case "ContactStatus":
		t.changed(location.PJSIP, m.Get(ami.KeyEndpoint))
	case "PeerStatus":
		kind, name, ok := ami.Peer(m)
		if ok {
			t.changed(kind, name)
		}
	}
	return nil
}

// changed lists at once if the device that changed is a trunk's.
func (t *Trunks) changed(kind location.Kind, name []byte) {
	for i := range t.devices {
		if d := &t.devices[i]; d.Kind == kind && d.Name == string(name) {
			t.want(time.Now())
			return
		}
	}
}

func (t *Trunks) want(at time.Time) {
	if earliest := t.started.Add(trunksPause); at.Before(earliest) {
		at = earliest
	}
	if t.at.IsZero() || at.Before(t.at) {
		t.at = at
	}
}

// Step implements ami.Part: it begins a listing that is due.
func (t *Trunks) Step(now time.Time) (time.Time, error) {
	if t.open > 0 {
		if now.Sub(t.started) > trunksTimeout {
			return now, fmt.Errorf("list trunks: no answer within %v", trunksTimeout)
		}
		return t.started.Add(trunksTimeout + time.Millisecond), nil
	}
	if now.Before(t.at) {
		return t.at, nil
	}
	t.devices = t.watcher.Devices()
	t.at, t.started = now.Add(trunksEvery), now
	var ask []lookup
	t.states, ask = Lookups(t.devices)
	for _, l := range ask {
		t.open++
		if err := t.conn.Send(l.Action, &trunkList{t, l}, l.Values()...); err != nil {
			return now, err
		}
	}
	return t.at, nil
}

// trunkList takes the answer to one action of a listing.
type trunkList struct {
	trunks *Trunks
	lookup lookup
}

func (l *trunkList) Patience() time.Duration { return trunksTimeout }

func (l *trunkList) Row(m *ami.Message) error {
	l.trunks.states.Row(l.lookup, m)
	return nil
}

// Done ends the listing with its last action. One that was refused lists nothing:
// there is no such endpoint, registration or module.
func (l *trunkList) Done(*ami.Message, error) error {
	t := l.trunks
	if t.open--; t.open == 0 {
		result := t.states.Result()
		t.refreshes.settle(result, time.Now())
		t.watcher.Listed(result)
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
