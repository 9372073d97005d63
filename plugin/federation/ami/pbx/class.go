package pbx

import "github.com/asterfed/asterfed/plugin/federation/ami"

// Class is a sort of service that calls can go to while Asterisk has it.
type Class uint8

// The classes.
const (
	Rooms  Class = iota // conference rooms (ConfBridge) in which somebody is
	Queues              // queues (app_queue), with or without members
	Parked              // slots of parking lots in which a call waits
	NumClasses
)

// String names what a class has, for messages.
func (c Class) String() string { return classes[c].name }

// Service is one service that Asterisk has now.
type Service struct {
	Name    string
	Staffed Staffing // of a queue
}

// Staffing says whether a call to a queue finds somebody.
type Staffing uint8

// The states of a queue. What is not a queue is Free.
const (
	Free  Staffing = iota // a member can take a call now
	Busy                  // members are logged in, none of them can take a call now
	Empty                 // nobody is logged in
)

// class is how Asterisk lists and announces the services of a class.
type class struct {
	name string
	list ami.Action // lists all of them
	row  string     // the Event of a row of the list
	key  ami.Key    // the header that names one
	none string     // how the error begins that stands for an empty list
	// read and write are the classes of the manager user that events and list
	// need, "" for none.
	read, write string
}

var classes = [NumClasses]class{
	Rooms:  {"conference rooms", ami.ActRooms, "ConfbridgeListRooms", ami.KeyConference, "No active conferences", "call", "reporting"},
	Queues: {"queues", ami.ActQueues, "QueueSummary", ami.KeyQueue, "", "agent", ""},
	Parked: {"parked calls", ami.ActParked, "ParkedCall", ami.KeyParkingSpace, "", "call", "call"},
}

// sign is what an event says about a class.
type sign struct {
	class Class
	what  signKind
}

type signKind uint8

const (
	comes signKind = iota + 1
	goes
	differs // a list says how
)

// signs are the events of all classes.
var signs = map[string]sign{
	"ConfbridgeStart":    {Rooms, comes},
	"ConfbridgeEnd":      {Rooms, goes},
	"ParkedCall":         {Parked, comes},
	"UnParkedCall":       {Parked, goes},
	"ParkedCallTimeOut":  {Parked, goes},
	"ParkedCallGiveUp":   {Parked, goes},
	"QueueMemberAdded":   {Queues, differs},
	"QueueMemberRemoved": {Queues, differs},
	"QueueMemberPause":   {Queues, differs},
	"QueueMemberStatus":  {Queues, differs},
}

// service reads a row of a list.
func (c Class) service(m *ami.Message) (Service, bool) {
	s := Service{Name: m.Text(classes[c].key)}
	if s.Name == "" || len(s.Name) > maxName {
		return s, false
	}
	if c == Queues {
		logged, _ := m.Number(ami.KeyLoggedIn)
		free, _ := m.Number(ami.KeyAvailable)
		switch {
		case free > 0:
		case logged > 0:
			s.Staffed = Busy
		default:
			s.Staffed = Empty
		}
	}
	return s, true
}

// maxName is the longest name of a service that is kept.
const maxName = 2048
