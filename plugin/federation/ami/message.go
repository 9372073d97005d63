package ami

import "strconv"

// Key numbers the headers that matter; all others are skipped while reading.
type Key uint8

// The headers, by the names that most messages give them.
const (
	KeyResponse Key = iota
	KeyEvent
	KeyActionID
	KeyMessage
	KeyEventList
	KeyAOR
	KeyURI
	KeyContactStatus
	KeyEndpoint
	KeyObjectName
	KeyExpires
	KeyRegServer
	KeyID
	KeyChannelType
	KeyPeer
	KeyPeerStatus
	KeyAddress
	KeyIPAddress
	KeyIPPort
	KeyDynamic
	KeySystemName
	KeyAsteriskVersion
	KeyService
	KeyAccountID
	KeyState
	KeyUptime
	KeyStatus
	KeyDeviceState
	KeyConference
	KeyQueue
	KeyLoggedIn
	KeyAvailable
	KeyParkingSpace
	KeyHost
	KeyPort
	KeyUsername
	KeyDomain
	KeyRealtime
	KeyRealtimeDevice
	numKeys
)

// keyOf returns the Key of a header name, as the various actions and versions
// spell it. Most names that a listing has are none.
func keyOf(name []byte) (k Key, ok bool) {
	switch string(name) {
	case "Response":
		return KeyResponse, true
	case "Event":
		return KeyEvent, true
	case "ActionID":
		return KeyActionID, true
	case "Message":
		return KeyMessage, true
	case "EventList":
		return KeyEventList, true
	case "AOR":
		return KeyAOR, true
	case "URI", "Uri": // URI: ContactStatus, ContactStatusDetail; Uri: ContactList
		return KeyURI, true
	case "ContactStatus":
		return KeyContactStatus, true
	case "EndpointName", "Endpoint": // EndpointName: ContactStatus, ContactStatusDetail; Endpoint: ContactList
		return KeyEndpoint, true
	case "ObjectName":
		return KeyObjectName, true
	case "ExpirationTime", "RegExpire": // ExpirationTime: ContactList; RegExpire: ContactStatusDetail
		return KeyExpires, true
	case "RegServer":
		return KeyRegServer, true
	case "ID":
		return KeyID, true
	case "ChannelType":
		return KeyChannelType, true
	case "Peer":
		return KeyPeer, true
	case "PeerStatus":
		return KeyPeerStatus, true
	case "Address":
		return KeyAddress, true
	case "IPaddress":
		return KeyIPAddress, true
	case "IPport":
		return KeyIPPort, true
	case "Dynamic":
		return KeyDynamic, true
	case "SystemName":
		return KeySystemName, true
	case "AsteriskVersion":
		return KeyAsteriskVersion, true
	case "Service":
		return KeyService, true
	case "AccountID":
		return KeyAccountID, true
	case "State":
		return KeyState, true
	case "Uptime":
		return KeyUptime, true
	case "Status": // ContactStatusDetail, OutboundRegistrationDetail, PeerEntry
		return KeyStatus, true
	case "DeviceState": // EndpointDetail
		return KeyDeviceState, true
	case "Conference":
		return KeyConference, true
	case "Queue":
		return KeyQueue, true
	case "LoggedIn": // QueueSummary
		return KeyLoggedIn, true
	case "Available": // QueueSummary
		return KeyAvailable, true
	case "ParkingSpace":
		return KeyParkingSpace, true
	case "Host": // RegistryEntry
		return KeyHost, true
	case "Port":
		return KeyPort, true
	case "Username":
		return KeyUsername, true
	case "CoreRealTimeEnabled": // CoreSettings
		return KeyRealtime, true
	case "RealtimeDevice": // PeerEntry of chan_sip
		return KeyRealtimeDevice, true
	case "Domain": // RegistryEntry of chan_sip
		return KeyDomain, true
	}
	return 0, false
}

// Message holds the headers of one AMI message that matter. It is reused:
// the slices that Get returns are valid until the message is read into again.
type Message struct {
	buf  []byte // the values one after another
	span [numKeys]struct{ from, to int32 }
	has  uint64 // bit per key; numKeys stays below 64
}

func (m *Message) reset() {
	m.buf = m.buf[:0]
	m.has = 0
}

// set keeps the first value of a header; a second one is ignored, so that no
// value smuggled in later can override what Asterisk wrote first.
func (m *Message) set(k Key, v []byte) {
	if m.has&(1<<k) != 0 {
		return
	}
	from := len(m.buf)
	m.buf = append(m.buf, v...)
	m.span[k].from, m.span[k].to = int32(from), int32(len(m.buf))
	m.has |= 1 << k
}

// Has reports whether the message has a header.
func (m *Message) Has(k Key) bool { return m.has&(1<<k) != 0 }

// Get returns the value of a header, nil if it is absent. It is valid until the
// message is read into again.
func (m *Message) Get(k Key) []byte {
	if !m.Has(k) {
		return nil
	}
	return m.buf[m.span[k].from:m.span[k].to]
}

// Text returns the value of a header, empty if it is absent.
func (m *Message) Text(k Key) string { return string(m.Get(k)) }

// Is compares the value of a header without allocating.
func (m *Message) Is(k Key, want string) bool { return string(m.Get(k)) == want }

// Number returns a decimal header, false if it is absent or no number.
func (m *Message) Number(k Key) (int64, bool) {
	b := m.Get(k)
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil && n >= 0
}
