package federation

import (
	"sync"
	"time"
)

// resent knows the UPDATEs of the last seconds that came over UDP, and what
// became of them: who gets no answer in time sends the same datagram again,
// from the same port. It is answered alike and not done again; told BADTIME,
// as a replay is, the client would take what was done for refused.
type resent struct {
	mu   sync.Mutex
	last map[string]*outcome
}

type outcome struct {
	done chan struct{} // closed once err is set
	err  error
}

// resendWindow is for how long, longer than the three tries of nsupdate.
const resendWindow = 15 * time.Second

// once does what take does, and returns its error; for the same datagram it
// returns that error again.
func (s *resent) once(datagram string, take func() error) error {
	s.mu.Lock()
	if o := s.last[datagram]; o != nil {
		s.mu.Unlock()
		<-o.done
		return o.err
	}
	if s.last == nil {
		s.last = map[string]*outcome{}
	}
	o := &outcome{done: make(chan struct{})}
	s.last[datagram] = o
	s.mu.Unlock()
	time.AfterFunc(resendWindow, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.last, datagram)
	})
	defer close(o.done)
	o.err = take()
	return o.err
}
