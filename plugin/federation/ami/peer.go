package ami

import (
	"bytes"

	"github.com/asterfed/asterfed/zone/location"
)

// Peer returns the technology and the name in a PeerStatus event of chan_sip or
// IAX2. That of PJSIP is about endpoints, and adds nothing to ContactStatus.
func Peer(m *Message) (kind location.Kind, name []byte, ok bool) {
	switch string(m.Get(KeyChannelType)) {
	case "SIP":
		kind = location.SIP
	case "IAX2":
		kind = location.IAX2
	default:
		return 0, nil, false
	}
	_, name, _ = bytes.Cut(m.Get(KeyPeer), []byte("/"))
	return kind, name, true
}
