package ami

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Times of the life of a connection.
const (
	pingIdle    = 5 * time.Second  // silence after which Asterisk is asked for a sign of life
	pingTimeout = 3 * time.Second  // and how long it may take to give one
	listTimeout = 30 * time.Second // the same while it collects a long listing, which it does silently
	listEach    = time.Millisecond // and what it may take for each contact of a shorter one
)

// session is one connection to Asterisk. All but receive runs in one
// goroutine.
type session struct {
	*Source
	conn net.Conn
	in   chan *message // filled by receive
	free chan *message // read messages that may be reused
	// readErr says why in was closed.
	readErr  error
	began    time.Time
	lastRead atomic.Int64 // nanoseconds from began to the last octets read

	nextID  uint64
	pending map[uint64]*request
	pinged  time.Time // when the outstanding Ping was sent, else zero

	booted bool
	boot   bootWatch
	// settled: CoreSettings told the system name. realtime: it told, too, that
	// some configuration is in a database, which other Asterisks may share.
	settled, realtime bool
	// young: Asterisk was still starting when it announced FullyBooted, so
	// that announcements of old contacts may trail in.
	young bool
	// initial: the first PJSIP listing of this connection is not complete.
	initial bool

	announces bool      // a registration has been announced
	lacks     bool      // the manager user has not all rights that services need
	rightsAt  time.Time // when to log in again for missing rights, zero for never
	unheard   []unheard

	marks []noted        // oldest first
	since location.Stamp // the Registrar was abreast of this run until then

	full       fullListing
	configured configured
	queue      aorQueue
	plan       schedule
	rivals     map[string]location.AOR // by AOR and by endpoint
	rivalsAt   time.Time               // when to ask for rivals next
	logged     map[string]bool         // refusals said once per connection
	trunks     trunkLook
	services   [NumClasses]serviceWatch
}

// connect runs one connection to its end. Booted says that Asterisk was
// FullyBooted in it.
func (s *Source) connect(ctx context.Context) (booted bool, err error) {
	dctx, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, err := s.cfg.Dial(dctx, "tcp", s.cfg.Addr)
	cancel()
	if err != nil {
		return false, err
	}
	ses := &session{
		Source:  s,
		conn:    conn,
		began:   time.Now(),
		in:      make(chan *message, 256),
		free:    make(chan *message, 256),
		pending: map[uint64]*request{},
		initial: true,
		logged:  map[string]bool{},
	}
	ses.full.reset()
	ses.queue.reset()
	ses.heard()
	done := make(chan struct{})
	go func() {
		defer close(done)
		ses.receive()
	}()
	defer func() {
		conn.Close()
		for range ses.in { // let receive end
		}
		<-done
	}()
	err = ses.run(ctx)
	return ses.booted, err
}

func (s *session) heard() { s.lastRead.Store(int64(time.Since(s.began))) }

// Read notes that Asterisk is alive; receive reads through it.
func (s *session) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if n > 0 {
		s.heard()
	}
	return n, err
}

// receive parses what arrives until the connection ends.
func (s *session) receive() {
	defer close(s.in)
	r := newReader(s)
	if s.readErr = r.banner(); s.readErr != nil {
		return
	}
	for {
		var m *message
		select {
		case m = <-s.free:
		default:
			m = new(message)
		}
		if err := r.read(m); err != nil {
			s.readErr = err
			return
		}
		s.in <- m
	}
}

// run logs in and follows the connection until it or ctx ends.
func (s *session) run(ctx context.Context) error {
	if err := s.login(ctx); err != nil {
		return err
	}
	s.status(Status{State: Booting})
	s.awaitBoot(time.Now())
	// A filter of our own adds to those of the manager user: what it includes is
	// heard, whatever they include. It does not undo those that exclude.
	if err := s.send(actFilter, &request{}, "Add", ownEvents); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, err := s.step()
		if errors.Is(err, errLoginAgain) {
			_ = s.send(actLogoff, &request{})
		}
		if err != nil {
			return err
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			_ = s.send(actLogoff, &request{})
			return ctx.Err()
		case <-timer.C:
		case <-s.wake:
		case m, ok := <-s.in:
			if err := s.drain(m, ok); err != nil {
				return err
			}
		}
	}
}

// drain handles a message and those that already wait behind it.
func (s *session) drain(m *message, ok bool) error {
	for n := 1; ; n++ {
		if !ok {
			return fmt.Errorf("read AMI: %w", s.readErr)
		}
		err := s.handle(m)
		select {
		case s.free <- m:
		default:
		}
		if err != nil || n == cap(s.in) {
			return err
		}
		select {
		case m, ok = <-s.in:
		default:
			return nil
		}
	}
}

// send sends an action and remembers what to do with its answer.
func (s *session) send(a action, r *request, values ...string) error {
	s.nextID++
	r.action = a
	s.pending[s.nextID] = r
	// A peer that does not read is as good as gone.
	_ = s.conn.SetWriteDeadline(time.Now().Add(pingTimeout))
	return writeAction(s.conn, a, s.nextID, values...)
}

// step starts the work that is due and returns how long to wait for more.
func (s *session) step() (time.Duration, error) {
	wait, err := s.keepAlive()
	if err != nil {
		return wait, err
	}
	now := time.Now()
	if !s.booted {
		at, err := s.stepBoot(now)
		return max(min(wait, at.Sub(now)), time.Millisecond), err
	}
	if !s.rightsAt.IsZero() && !now.Before(s.rightsAt) {
		return 0, errLoginAgain
	}
	s.stepUnheard(now)
	s.stepRivals(now)
	s.stepMarks(now)
	for a := range s.takeRechecks() {
		s.ask(a, true)
	}
	s.stepDue()
	if err := s.stepFull(now); err != nil {
		return 0, err
	}
	if err := s.stepQueue(); err != nil {
		return 0, err
	}
	if err := s.stepTrunks(now); err != nil {
		return 0, err
	}
	if err := s.stepServices(now); err != nil {
		return 0, err
	}
	for c := range s.services {
		if at := s.services[c].wakeAt(); !at.IsZero() {
			wait = min(wait, at.Sub(now))
		}
	}
	if len(s.unheard) > 0 {
		wait = min(wait, s.unheard[0].at.Add(freshFor).Sub(now))
	}
	for _, at := range [...]time.Time{s.rightsAt, s.trunks.wakeAt(), s.rivalsAt, s.full.wakeAt(), s.queue.wakeAt(now)} {
		if !at.IsZero() {
			wait = min(wait, at.Sub(now))
		}
	}
	if at := s.plan.next(); !at.IsZero() {
		wait = min(wait, at.Sub(s.cfg.Now()))
	}
	return max(wait, time.Millisecond), nil
}

// handle takes one message: an answer to an action of ours, or an event.
func (s *session) handle(m *message) error {
	if m.has&(1<<keyActionID) != 0 {
		if id, ok := m.number(keyActionID); ok {
			if r := s.pending[uint64(id)]; r != nil {
				return s.answer(uint64(id), r, m)
			}
		}
		return nil // an answer that nobody waits for
	}
	if m.has&(1<<keyEvent) == 0 {
		return nil
	}
	s.stats.events.Add(1)
	return s.event(m)
}

// unknownAction is Asterisk's answer if no loaded module has the action.
func unknownAction(m *message) bool {
	return strings.HasPrefix(m.text(keyMessage), "Invalid/unknown command")
}
