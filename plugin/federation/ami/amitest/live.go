package amitest

import "strconv"

// SetChannels puts channels into the server, as CoreShowChannels lists them:
// each a name ("PJSIP/1001-0000002a"), a caller's number and an extension.
func (s *Server) SetChannels(list ...[3]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels = list
}

func (s *Server) listChannels() *list {
	l := &list{start: "Channels will follow", complete: "CoreShowChannelsComplete", version: s.version}
	for i, c := range s.channels {
		l.events = append(l.events, []string{"CoreShowChannel", "Channel", c[0], "ChannelState", "6", "ChannelStateDesc", "Up",
			"CallerIDNum", c[1], "CallerIDName", "<unknown>", "ConnectedLineNum", "<unknown>", "Context", "internal", "Exten", c[2],
			"Priority", "1", "Uniqueid", "1795384580." + strconv.Itoa(i), "Application", "Dial", "Duration", "00:01:05"})
	}
	return l
}

func (s *Server) coreStatus(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	up := s.started
	return response("Success", id, "CoreStartupDate", up.Format("2006-01-02"), "CoreStartupTime", up.Format("15:04:05"),
		"CoreReloadDate", up.Format("2006-01-02"), "CoreReloadTime", up.Format("15:04:05"),
		"CoreCurrentCalls", strconv.Itoa(len(s.channels)/2), "CoreProcessedCalls", "17")
}
