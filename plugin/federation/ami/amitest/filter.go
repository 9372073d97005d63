package amitest

import (
	"regexp"
	"strings"
)

// filter decides which events a session hears, as the lines eventfilter= of
// manager.conf and the action Filter do: with some that include, only what one
// of them matches; never what one that excludes matches.
type filter struct{ include, exclude []*regexp.Regexp }

// add adds a line, "REGEXP" or "!REGEXP".
func (f *filter) add(line string) error {
	text, exclude := strings.CutPrefix(line, "!")
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		return err
	case exclude:
		f.exclude = append(f.exclude, re)
	default:
		f.include = append(f.include, re)
	}
	return nil
}

func (f *filter) passes(event []byte) bool {
	for _, re := range f.exclude {
		if re.Match(event) {
			return false
		}
	}
	for _, re := range f.include {
		if re.Match(event) {
			return true
		}
	}
	return len(f.include) == 0
}

// SetEventFilter sets the lines eventfilter= of the manager user. They hold for
// sessions that log in afterwards, and never for the FullyBooted with which an
// Asterisk that has started answers a login.
func (s *Server) SetEventFilter(lines ...string) error {
	var f filter
	for _, line := range lines {
		if err := f.add(line); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter = f
	return nil
}
