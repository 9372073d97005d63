package amitest

// Kill ends the server as kill -9 does: connections break off, nothing is
// said, and the ports are closed. What was registered is kept, as the
// database of a real one is.
func (s *Server) Kill() { s.end(false) }

// Stop ends the server as "core stop now" does: it announces Shutdown, sends
// no Removed, and closes.
func (s *Server) Stop() { s.end(true) }

func (s *Server) end(clean bool) {
	s.mu.Lock()
	if !s.running {
		s.mu.Unlock()
		return
	}
	if clean {
		s.emit("system", s.event("Shutdown", "system", "Shutdown", "Cleanly", "Restart", "False"))
	}
	s.running, s.booted = false, false
	if s.bootedBy != nil {
		s.bootedBy.Stop()
	}
	close(s.stop)
	if s.ln != nil {
		s.ln.Close()
		s.ln = nil
	}
	if s.sip != nil {
		s.sip.Close()
		s.sip = nil
	}
	for c := range s.sessions {
		c.close(clean)
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Restart stops and starts the server at once.
func (s *Server) Restart() error {
	s.Stop()
	return s.Start()
}

// Drop breaks all AMI connections off; the server goes on.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		c.close(false)
	}
}
