package amitest

import "time"

// Lapse lets a registration expire now. Like a real Asterisk the server lists
// it until its next check.
func (s *Server) Lapse(name, uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.aors[name]; a != nil {
		if c := a.find(uri); c != nil {
			c.Expires = s.cfg.Now().Add(-time.Second).Truncate(time.Second)
		}
	}
}

// Expire lets a registration expire and removes it at once.
func (s *Server) Expire(name, uri string) {
	s.Lapse(name, uri)
	s.CheckExpiry()
}

// CheckExpiry removes the contacts that have expired, as the server does by
// itself every CheckInterval.
func (s *Server) CheckExpiry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for _, name := range s.order {
		a := s.aors[name]
		for i := 0; i < len(a.contacts); i++ {
			c := a.contacts[i]
			if !c.Permanent && !c.Expires.IsZero() && !c.Expires.After(now) && c.RegServer == s.cfg.SystemName {
				s.remove(name, a, c)
				i--
			}
		}
	}
}

func (s *Server) expire(stop chan struct{}) {
	t := time.NewTicker(s.cfg.CheckInterval)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			s.CheckExpiry()
		}
	}
}
