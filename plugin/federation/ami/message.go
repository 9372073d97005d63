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
	numKeys
)

// keys maps header names, as the various actions and versions spell them.
var keys = map[string]key{
	"Response":        keyResponse,
	"Event":           keyEvent,
	"ActionID":        keyActionID,
	"Message":         keyMessage,
	"EventList":       keyEventList,
	"AOR":             keyAOR,
	"URI":             keyURI, // ContactStatus, ContactStatusDetail
	"Uri":             keyURI, // ContactList
	"ContactStatus":   keyContactStatus,
	"EndpointName":    keyEndpoint, // ContactStatus, ContactStatusDetail
	"Endpoint":        keyEndpoint, // ContactList
	"ObjectName":      keyObjectName,
	"ExpirationTime":  keyExpires, // ContactList
	"RegExpire":       keyExpires, // ContactStatusDetail
	"UserAgent":       keyUserAgent,
	"RegServer":       keyRegServer,
	"ID":              keyID,
	"ChannelType":     keyChannelType,
	"Peer":            keyPeer,
	"PeerStatus":      keyPeerStatus,
	"Address":         keyAddress,
	"IPaddress":       keyIPAddress,
	"IPport":          keyIPPort,
	"Dynamic":         keyDynamic,
	"SystemName":      keySystemName,
	"AsteriskVersion": keyAsteriskVersion,
	"Service":         keyService,
	"AccountID":       keyAccountID,
	"State":           keyState,
	"Uptime":          keyUptime,
	"Status":          keyStatus,      // ContactStatusDetail, OutboundRegistrationDetail, PeerEntry
	"DeviceState":     keyDeviceState, // EndpointDetail
	"Conference":      keyConference,
	"Queue":           keyQueue,
	"LoggedIn":        keyLoggedIn,  // QueueSummary
	"Available":       keyAvailable, // QueueSummary
	"ParkingSpace":    keyParkingSpace,
	"Host":            keyHost, // RegistryEntry
	"Port":            keyPort,
	"Username":        keyUsername,
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
