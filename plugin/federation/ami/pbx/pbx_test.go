package pbx_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/location"
)

func TestDevices(t *testing.T) {
	for s, ok := range map[string]bool{"PJSIP/telco": true, "pjsip/a-b_c.d": true, "IAX2/x": true, "SIP/x": true,
		"telco": false, "PJSIP/": false, "DAHDI/1": false, "PJSIP/a b": false, "PJSIP/a/b": false, "PJSIP/a\r\nAction: x": false} {
		if d, err := pbx.ParseDevice(s); (err == nil) != ok {
			t.Errorf("%q is %v, %v", s, d, err)
		}
	}
}

// TestHintLooksAtOnce: what Asterisk notices is known at once, not at the next
// look.
func TestHintLooksAtOnce(t *testing.T) {
	row := func(status string) []string {
		return []string{"Response: Success\r\nEventList: start", "Event: EndpointDetail\r\nObjectName: telco\r\nDeviceState: Not in use",
			"Event: ContactStatusDetail\r\nStatus: " + status, "Event: EndpointDetailComplete\r\nEventList: Complete"}
	}
	none := []string{"Response: Error\r\nMessage: No outbound registrations"}
	answers := func(status string) map[string][]string {
		return map[string][]string{"PJSIPShowEndpoint": row(status), "PJSIPShowRegistrationsOutbound": none}
	}
	w := &watcher{devices: []pbx.Device{{Kind: location.PJSIP, Name: "telco"}}}
	a := &actor{uptime: "7200", now: phase{answers: answers("Reachable")}}
	watch(t, a, w, func() {
		if got := w.take(); !strings.Contains(got, "PJSIP/telco: <nil>") {
			t.Errorf("got %s", got)
		}
		event := "Event: ContactStatus\r\nURI: sip:192.0.2.1\r\nContactStatus: Unreachable\r\nAOR: telco\r\nEndpointName: telco"
		began := time.Now()
		a.play(phase{answers: answers("Unreachable"), events: []string{event}})
		<-time.After(100 * time.Millisecond)
		if got := w.take(); got != `PJSIP/telco: it is "Unreachable"` || time.Since(began) > time.Second {
			t.Errorf("got %s", got)
		}
	})
}

// TestSignsAreNoFlood: Asterisk may register thousands of times a second at a
// provider that answers oddly; it is looked at all the same, and not as often.
func TestSignsAreNoFlood(t *testing.T) {
	row := []string{"Response: Success\r\nEventList: start", "Event: EndpointDetail\r\nDeviceState: Busy",
		"Event: ContactStatusDetail\r\nStatus: Reachable", "Event: EndpointDetailComplete\r\nEventList: Complete"}
	none := []string{"Response: Error\r\nMessage: No outbound registrations"}
	w := &watcher{devices: []pbx.Device{{Kind: location.PJSIP, Name: "telco"}}}
	a := &actor{uptime: "7200", now: phase{answers: map[string][]string{"PJSIPShowEndpoint": row, "PJSIPShowRegistrationsOutbound": none}}}
	watch(t, a, w, func() {
		w.take()
		a.asked = 0
		for range 1000 {
			fmt.Fprint(a.conn, "Event: Registry\r\nStatus: Registered\r\n\r\n")
			<-time.After(time.Millisecond)
		}
		if got := w.take(); got != "PJSIP/telco: all its channels are busy" || a.asked < 10 || a.asked > 21 {
			t.Errorf("asked %d times, told %q", a.asked, got)
		}
	})
}

// TestServicesByWhatIsGranted: events and list, either alone, or neither; the
// list of queues and of parked calls needs no class.
func TestServicesByWhatIsGranted(t *testing.T) {
	rooms := func(names ...string) map[string][]string {
		if len(names) == 0 {
			return map[string][]string{"ConfbridgeListRooms": {"Response: Error\r\nMessage: No active conferences."}}
		}
		rows := []string{"Response: Success\r\nEventList: start"}
		for _, n := range names {
			rows = append(rows, "Event: ConfbridgeListRooms\r\nConference: "+n)
		}
		return map[string][]string{"ConfbridgeListRooms": append(rows, "Event: ConfbridgeListRoomsComplete\r\nEventList: Complete")}
	}
	queue := func(logged, free int) map[string][]string {
		return map[string][]string{"QueueSummary": {"Response: Success\r\nEventList: start",
			fmt.Sprintf("Event: QueueSummary\r\nQueue: 600\r\nLoggedIn: %d\r\nAvailable: %d", logged, free),
			"Event: QueueSummaryComplete\r\nEventList: Complete"}}
	}
	parked := func(slots ...string) map[string][]string {
		rows := []string{"Response: Success\r\nEventList: start"}
		for _, s := range slots {
			rows = append(rows, "Event: ParkedCall\r\nParkingSpace: "+s)
		}
		return map[string][]string{"ParkedCalls": append(rows, "Event: ParkedCallsComplete\r\nEventList: Complete")}
	}
	again := queue(2, 0) // a member is free without a word: wrap-up time is over
	again["then"] = queue(2, 1)["QueueSummary"]
	event := func(lines ...string) []string { return []string{strings.Join(lines, "\r\n")} }
	begins := event("Event: ConfbridgeStart", "Conference: 500")
	const untold = "Asterisk does not tell when"
	for _, c := range []struct {
		name    string
		class   pbx.Class
		refused []string
		uptime  string
		first   map[string][]string
		events  []string
		then    map[string][]string
		soon    string // a quarter of a second later
		late    string // and forty seconds
		said    string
	}{
		{"rooms, both", pbx.Rooms, nil, "7200", rooms(), begins, rooms("500"), "500 true", "[500]", ""},
		{"rooms, events alone", pbx.Rooms, []string{"ConfbridgeListRooms"}, "7200", nil, begins, nil, "500 true", "", "write=reporting"},
		{"rooms, events alone, after a start", pbx.Rooms, []string{"ConfbridgeListRooms"}, "3", nil, begins, nil, "500 true", "", "write=reporting"},
		{"rooms, list alone", pbx.Rooms, nil, "7200", rooms("600"), nil, rooms("600", "500"), "", "[500 600]", untold},
		{"queues", pbx.Queues, nil, "7200", queue(0, 0), event("Event: QueueMemberAdded", "Queue: 600"), queue(2, 1), "[600]", "", ""},
		{"queues, all busy", pbx.Queues, nil, "7200", queue(2, 1), event("Event: QueueMemberStatus", "Queue: 600"), queue(2, 0), "[600/1]", "", ""},
		{"queues, wrapped up", pbx.Queues, nil, "7200", queue(2, 1), event("Event: QueueMemberStatus", "Queue: 600"), again, "[600/1]", "[600]", ""},
		{"queues, list alone", pbx.Queues, nil, "7200", queue(0, 0), nil, queue(2, 1), "", "[600]", untold},
		{"parked", pbx.Parked, nil, "7200", parked(), event("Event: ParkedCall", "ParkingSpace: 701"), parked("701"), "701 true", "[701]", ""},
		{"parked, fetched", pbx.Parked, nil, "7200", parked("701"), event("Event: UnParkedCall", "ParkingSpace: 701"), parked(), "701 false; []", "", ""},
		{"parked, in two lots, one fetched", pbx.Parked, nil, "7200", parked("701", "701"), event("Event: UnParkedCall", "ParkingSpace: 701"), parked("701"),
			"701 false; [701]", "", ""},
		{"parked, list alone", pbx.Parked, nil, "7200", parked(), nil, parked("702"), "", "[702]", untold},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &watcher{follow: []pbx.Class{c.class}}
			a := &actor{uptime: c.uptime, now: phase{answers: c.first}, missing: c.refused}
			watch(t, a, w, func() {
				w.take()
				w.last = nil
				a.play(phase{answers: c.then, events: c.events})
				<-time.After(250 * time.Millisecond)
				if got := w.take(); strings.ReplaceAll(got, c.class.String()+": ", "") != c.soon {
					t.Errorf("soon %q, want %q", got, c.soon)
				}
				if then := c.then["then"]; then != nil {
					a.play(phase{answers: map[string][]string{"QueueSummary": then}})
					<-time.After(1100 * time.Millisecond)
				} else {
					<-time.After(40 * time.Second)
				}
				if got := strings.ReplaceAll(w.take(), c.class.String()+": ", ""); got != c.late {
					t.Errorf("late %q, want %q", got, c.late)
				}
			})
			if said := a.log.String(); (c.said == "") != (said == "") || !strings.Contains(said, c.said) {
				t.Errorf("logged %q, want %q", said, c.said)
			}
		})
	}
}
