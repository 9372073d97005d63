package ami

import "strconv"

// key numbers the headers that matter; all others are skipped while reading.
type key uint8

const (
	keyResponse key = iota
	keyEvent
	keyActionID
	keyMessage
	keyEventList
	keyAOR
	keyURI
	keyContactStatus
	keyEndpoint
	keyObjectName
	keyExpires
	keyUserAgent
	keyRegServer
	keyID
	keyChannelType
	keyPeer
	keyPeerStatus
	keyAddress
	keyIPAddress
	keyIPPort
	keyDynamic
	keySystemName
	keyAsteriskVersion
	keyService
	keyAccountID
	keyState
	keyUptime
	keyStatus
	keyDeviceState
	keyConference
	keyQueue
	keyLoggedIn
	keyAvailable
	keyParkingSpace
	keyHost
	keyPort
	keyUsername
	keyDomain
	keyRealtime
	keyRealtimeDevice
	numKeys
)

// keyOf returns the key of a header name, as the various actions and versions
// spell it. Most names that a listing has are none.
func keyOf(name []byte) (k key, ok bool) {
	switch string(name) {
	case "Response":
		return keyResponse, true
	case "Event":
		return keyEvent, true
	case "ActionID":
		return keyActionID, true
	case "Message":
		return keyMessage, true
	case "EventList":
		return keyEventList, true
	case "AOR":
		return keyAOR, true
	case "URI", "Uri": // URI: ContactStatus, ContactStatusDetail; Uri: ContactList
		return keyURI, true
	case "ContactStatus":
		return keyContactStatus, true
	case "EndpointName", "Endpoint": // EndpointName: ContactStatus, ContactStatusDetail; Endpoint: ContactList
		return keyEndpoint, true
	case "ObjectName":
		return keyObjectName, true
	case "ExpirationTime", "RegExpire": // ExpirationTime: ContactList; RegExpire: ContactStatusDetail
		return keyExpires, true
	case "UserAgent":
		return keyUserAgent, true
	case "RegServer":
		return keyRegServer, true
	case "ID":
		return keyID, true
	case "ChannelType":
		return keyChannelType, true
	case "Peer":
		return keyPeer, true
	case "PeerStatus":
		return keyPeerStatus, true
	case "Address":
		return keyAddress, true
	case "IPaddress":
		return keyIPAddress, true
	case "IPport":
		return keyIPPort, true
	case "Dynamic":
		return keyDynamic, true
	case "SystemName":
		return keySystemName, true
	case "AsteriskVersion":
		return keyAsteriskVersion, true
	case "Service":
		return keyService, true
	case "AccountID":
		return keyAccountID, true
	case "State":
		return keyState, true
	case "Uptime":
		return keyUptime, true
	case "Status": // ContactStatusDetail, OutboundRegistrationDetail, PeerEntry
		return keyStatus, true
	case "DeviceState": // EndpointDetail
		return keyDeviceState, true
	case "Conference":
		return keyConference, true
	case "Queue":
		return keyQueue, true
	case "LoggedIn": // QueueSummary
		return keyLoggedIn, true
	case "Available": // QueueSummary
		return keyAvailable, true
	case "ParkingSpace":
		return keyParkingSpace, true
	case "Host": // RegistryEntry
		return keyHost, true
	case "Port":
		return keyPort, true
	case "Username":
		return keyUsername, true
	case "CoreRealTimeEnabled": // CoreSettings
		return keyRealtime, true
	case "RealtimeDevice": // PeerEntry of chan_sip
		return keyRealtimeDevice, true
	case "Domain": // RegistryEntry of chan_sip
		return keyDomain, true
	}
	return 0, false
}

// message holds the headers of one AMI message that matter. It is reused:
// the slices that get returns are valid until the message is read into again.
type message struct {
	buf  []byte // the values one after another
	span [numKeys]struct{ from, to int32 }
	has  uint64 // bit per key; numKeys stays below 64
}

func (m *message) reset() {
	m.buf = m.buf[:0]
	m.has = 0
}

// set keeps the first value of a header; a second one is ignored, so that no
// value smuggled in later can override what Asterisk wrote first.
func (m *message) set(k key, v []byte) {
	if m.has&(1<<k) != 0 {
		return
	}
	from := len(m.buf)
	m.buf = append(m.buf, v...)
	m.span[k].from, m.span[k].to = int32(from), int32(len(m.buf))
	m.has |= 1 << k
}

func (m *message) get(k key) []byte {
	if m.has&(1<<k) == 0 {
		return nil
	}
	return m.buf[m.span[k].from:m.span[k].to]
}

func (m *message) text(k key) string { return string(m.get(k)) }

// is compares without allocating.
func (m *message) is(k key, want string) bool { return string(m.get(k)) == want }

// number returns a decimal header, false if it is absent or no number.
func (m *message) number(k key) (int64, bool) {
	b := m.get(k)
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil && n >= 0
}
