package ami

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// action is an AMI action that a Source may send.
type action string

// The closed list of actions. A manager user with write=system could also
// read configuration files and load modules; nothing here does.
const (
	actLogin       action = "Login"
	actLogoff      action = "Logoff"
	actPing        action = "Ping"
	actSettings    action = "CoreSettings"
	actContacts    action = "PJSIPShowContacts"
	actAORs        action = "PJSIPShowAors"
	actEndpoint    action = "PJSIPShowEndpoint"
	actSIPPeers    action = "SIPpeers"
	actIAXPeerlist action = "IAXpeerlist" // rows of IAXpeers lack ActionID
	actStatus      action = "CoreStatus"
	actChannels    action = "CoreShowChannels"
	actOutbound    action = "PJSIPShowRegistrationsOutbound"
	actSIPOut      action = "SIPshowregistry"
	actIAXOut      action = "IAXregistry"
	actRooms       action = "ConfbridgeListRooms" // write=reporting
	actQueues      action = "QueueSummary"        // no class
	actParked      action = "ParkedCalls"         // write=call
	actFilter      action = "Filter"              // what this connection hears
)

// fields lists, for each action, the headers that it may carry.
var fields = map[action][]string{
	actLogin:       {"Username", "Secret", "Events"},
	actLogoff:      nil,
	actPing:        nil,
	actSettings:    nil,
	actContacts:    nil,
	actAORs:        nil,
	actEndpoint:    {"Endpoint"},
	actSIPPeers:    nil,
	actIAXPeerlist: nil,
	actStatus:      nil,
	actChannels:    nil,
	actOutbound:    nil,
	actSIPOut:      nil,
	actIAXOut:      nil,
	actRooms:       nil,
	actQueues:      nil,
	actParked:      nil,
	actFilter:      {"Operation", "Filter"},
}

// Actions returns the names of all actions that a Source may send, for tests
// and for the manager.conf that documentation shows.
func Actions() []string {
	out := make([]string, 0, len(fields))
	for a := range fields {
		out = append(out, string(a))
	}
	return out
}

// writeAction sends one action in one Write. The values stand for the fields
// of the action in their order; an empty one is left out. A value with a line
// break, which would be a header or an action of its own, is an error and
// nothing is sent.
func writeAction(w io.Writer, a action, id uint64, values ...string) error {
	names, ok := fields[a]
	if !ok || len(values) > len(names) {
		return fmt.Errorf("send %s: not in the list of actions", a)
	}
	b := make([]byte, 0, 128)
	b = append(b, "Action: "...)
	b = append(b, a...)
	b = append(b, "\r\nActionID: "...)
	b = strconv.AppendUint(b, id, 10)
	for i, v := range values {
		if strings.ContainsAny(v, "\r\n\x00") {
			return fmt.Errorf("send %s: %s holds a line break", a, names[i])
		}
		if v == "" {
			continue
		}
		b = append(b, "\r\n"...)
		b = append(b, names[i]...)
		b = append(b, ": "...)
		b = append(b, v...)
	}
	b = append(b, "\r\n\r\n"...)
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("send %s: %w", a, err)
	}
	return nil
}
