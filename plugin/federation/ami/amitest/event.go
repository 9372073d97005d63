package amitest

import (
	"fmt"
	"strconv"
	"strings"
)

func (s *Server) amiVersion() string {
	if s.version < 21 {
		return "5.0.4"
	}
	return "11.0.0"
}

func (s *Server) asteriskVersion() string {
	if s.version < 21 {
		return "16.28.0~dfsg-0+deb11u4"
	}
	return "22.10.1+dfsg+~cs6.17.60671434-1"
}

func (s *Server) timestamp() string {
	t := s.cfg.Now()
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

// event formats an event of a class.
func (s *Server) event(name, class string, kv ...string) []byte {
	b := make([]byte, 0, 256)
	b = header(b, "Event", name)
	b = header(b, "Privilege", class+",all")
	b = header(b, "Timestamp", s.timestamp())
	b = header(b, "SystemName", s.cfg.SystemName)
	return finish(b, kv)
}

func (s *Server) fullyBooted() []byte {
	up := strconv.Itoa(int(s.cfg.Now().Sub(s.started).Seconds()))
	return s.event("FullyBooted", "system", "Uptime", up, "LastReload", up, "Status", "Fully Booted")
}

func response(result, id string, kv ...string) []byte {
	b := header(make([]byte, 0, 128), "Response", result)
	if id != "" {
		b = header(b, "ActionID", id)
	}
	return finish(b, kv)
}

func header(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func finish(b []byte, kv []string) []byte {
	for i := 0; i+1 < len(kv); i += 2 {
		b = header(b, kv[i], kv[i+1])
	}
	return append(b, "\r\n"...)
}

// emit sends an event to all who may see it; s.mu is held.
func (s *Server) emit(class string, b []byte) {
	for c := range s.sessions {
		if c.wants(class) && c.filter.passes(b) {
			c.queue(b)
		}
	}
}

// extra sends an event that only Config.Chatty asks for.
func (s *Server) extra(class, name string, kv ...string) {
	if s.cfg.Chatty {
		s.emit(class, s.event(name, class, kv...))
	}
}

func (c *session) wants(class string) bool {
	return c.loggedIn && allows(c.read, class) && (c.mask == "" || c.mask == "on" || allows(c.mask, class))
}

func allows(classes, class string) bool {
	for c := range strings.SplitSeq(classes, ",") {
		if c = strings.TrimSpace(c); c == class || c == "all" {
			return true
		}
	}
	return false
}

// Garbage writes raw octets to every session, whatever they are: noise, a
// captured transcript, half a message.
func (s *Server) Garbage(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		c.queue(b)
	}
}

// Mute lets the server hang: it takes connections and actions but sends
// nothing until it is unmuted.
func (s *Server) Mute(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = on
	for c := range s.sessions {
		c.mute(on)
	}
}

// Reload reports the reload of a module, as "module reload" does. Contacts
// stay.
func (s *Server) Reload(module string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit("system", s.event("Reload", "system", "Module", module, "Status", "0"))
}
