package ami

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Action is an AMI action that asterfed may send.
type Action string

// The closed list of actions. A manager user with write=system could also
// read configuration files and load modules; nothing here does.
const (
	ActLogin       Action = "Login"
	ActLogoff      Action = "Logoff"
	ActPing        Action = "Ping"
	ActSettings    Action = "CoreSettings"
	ActContacts    Action = "PJSIPShowContacts"
	ActAORs        Action = "PJSIPShowAors"
	ActEndpoint    Action = "PJSIPShowEndpoint"
	ActSIPPeers    Action = "SIPpeers"
	ActIAXPeerlist Action = "IAXpeerlist" // rows of IAXpeers lack ActionID
	ActStatus      Action = "CoreStatus"
	ActChannels    Action = "CoreShowChannels"
	ActOutbound    Action = "PJSIPShowRegistrationsOutbound"
	ActSIPOut      Action = "SIPshowregistry"
	ActIAXOut      Action = "IAXregistry"
	ActRooms       Action = "ConfbridgeListRooms" // write=reporting
	ActQueues      Action = "QueueSummary"        // no class
	ActParked      Action = "ParkedCalls"         // write=call
	ActFilter      Action = "Filter"              // what this connection hears
)

// fields lists, for each action, the headers that it may carry.
var fields = map[Action][]string{
	ActLogin:       {"Username", "Secret", "Events"},
	ActLogoff:      nil,
	ActPing:        nil,
	ActSettings:    nil,
	ActContacts:    nil,
	ActAORs:        nil,
	ActEndpoint:    {"Endpoint"},
	ActSIPPeers:    nil,
	ActIAXPeerlist: nil,
	ActStatus:      nil,
	ActChannels:    nil,
	ActOutbound:    nil,
	ActSIPOut:      nil,
	ActIAXOut:      nil,
	ActRooms:       nil,
	ActQueues:      nil,
	ActParked:      nil,
	ActFilter:      {"Operation", "Filter"},
}

// Actions returns the names of all actions that asterfed may send, for tests and
// documentation.
func Actions() []string {
	out := make([]string, 0, len(fields))
	for a := range fields {
		out = append(out, string(a))
	}
	return out
}

// WriteAction sends one action in one Write. The values stand for the fields
// of the action in their order; an empty one is left out. A value with a line
// break, which would be a header or an action of its own, is an error and
// nothing is sent.
func WriteAction(w io.Writer, a Action, id uint64, values ...string) error {
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

// ownEvents is the filter that a Client adds to its connections: all that any
// Part listens to. Without it, a manager user with read=call is sent every step
// of every call. It also adds to an eventfilter of the user that includes other
// events only.
const ownEvents = "Event: (FullyBooted|Shutdown|Reload|ContactStatus|PeerStatus|SuccessfulAuth|TestEvent|Registry|" +
	"ConfbridgeStart|ConfbridgeEnd|ParkedCall|UnParkedCall|QueueMember)"
