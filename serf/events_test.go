package serf

import (
	"fmt"
	"net"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	hserf "github.com/hashicorp/serf/serf"
)

// watchObserver runs an observer of "self" and returns what it emits.
func watchObserver(t *testing.T) (o *observer, list *memberList, take func() []string) {
	var mu sync.Mutex
	var got []string
	list = &memberList{}
	o = newObserver("self", func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%s %s %v", e.Kind, e.Member.Name, e.Member.Tags["v"]))
	}, list.get)
	go o.run(t.Context(), time.Second)
	return o, list, func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		out := got
		got = nil
		return out
	}
}

type memberList struct {
	mu   sync.Mutex
	list []Member
}

func (l *memberList) get() []Member {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list
}

func (l *memberList) set(m ...Member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = m
}

func event(t hserf.EventType, m Member) hserf.MemberEvent {
	st := map[Status]hserf.MemberStatus{
		StatusAlive: hserf.StatusAlive, StatusLeft: hserf.StatusLeft, StatusFailed: hserf.StatusFailed,
	}[m.Status]
	return hserf.MemberEvent{Type: t, Members: []hserf.Member{{
		Name: m.Name, Addr: net.IP(m.Addr.Addr().AsSlice()), Port: m.Addr.Port(), Tags: m.Tags, Status: st,
	}}}
}

func member(name string, s Status, v string) Member {
	return Member{Name: name, Status: s, Tags: map[string]string{"v": v}}
}

// What Serf loses is made up for within a second, and nothing is told twice.
func TestReconcile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, list, take := watchObserver(t)
		alive, failed, left := member("a", StatusAlive, "1"), member("a", StatusFailed, "1"), member("a", StatusLeft, "1")
		leaving := member("a", StatusLeaving, "1")
		self := member("self", StatusAlive, "1")
		for _, s := range []struct {
			name   string
			event  hserf.Event // nil = lost
			list   []Member
			at     []string // told at once
			second []string // told within a second
		}{
			{"self", event(hserf.EventMemberJoin, self), []Member{self}, nil, nil},
			{"join", event(hserf.EventMemberJoin, alive), []Member{alive}, []string{"member-join a 1"}, nil},
			{"join again", event(hserf.EventMemberJoin, alive), []Member{alive}, nil, nil},
			{"lost failure", nil, []Member{failed}, nil, []string{"member-failed a 1"}},
			{"late failure", event(hserf.EventMemberFailed, failed), []Member{failed}, nil, nil},
			{"lost return", nil, []Member{alive}, nil, []string{"member-join a 1"}},
			{"lost update", nil, []Member{member("a", StatusAlive, "2")}, nil, []string{"member-update a 2"}},
			{"update", event(hserf.EventMemberUpdate, alive), []Member{alive}, []string{"member-update a 1"}, nil},
			{"about to leave", nil, []Member{leaving}, nil, nil},
			{"lost leave", nil, []Member{left}, nil, []string{"member-leave a 1"}},
			{"lost reap", nil, nil, nil, []string{"member-reap a 1"}},
			{"late reap", event(hserf.EventMemberReap, left), nil, nil, nil},
			{"not of members", hserf.UserEvent{Name: "x"}, nil, nil, nil},
		} {
			list.set(s.list...)
			if s.event != nil {
				o.HandleEvent(s.event)
			}
			if got := take(); !reflect.DeepEqual(got, s.at) {
				t.Errorf("%s: told %q at once, want %q", s.name, got, s.at)
			}
			time.Sleep(1100 * time.Millisecond) // virtual
			if got := take(); !reflect.DeepEqual(got, s.second) {
				t.Errorf("%s: told %q within a second, want %q", s.name, got, s.second)
			}
		}
	})
}

// A slow OnEvent never holds up Serf and misses nothing.
func TestSlowObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10000
		var got []string
		done := make(chan struct{})
		o := newObserver("self", func(e Event) {
			time.Sleep(time.Second) // virtual
			if got = append(got, e.Member.Tags["v"]); len(got) == n {
				close(done)
			}
		}, func() []Member { return nil })
		for i := range n {
			o.HandleEvent(event(hserf.EventMemberUpdate, member("a", StatusAlive, fmt.Sprint(i))))
		}
		go o.run(t.Context(), 1000*time.Hour)
		<-done
		for i, v := range got {
			if v != fmt.Sprint(i) {
				t.Fatalf("event %d is %s", i, v)
			}
		}
	})
}

// This member's own tags are told too, again and again, but not as an event.
func TestObserverTellsOwnTags(t *testing.T) {
	var got []string
	o := newObserver("self", func(e Event) { t.Errorf("event %v", e) }, nil)
	o.own = func(m Member) { got = append(got, m.Tags["request"]) }
	self := func(request string) Member {
		return Member{Name: "self", Status: StatusAlive, Tags: map[string]string{"request": request}}
	}
	o.tell(t.Context(), Event{Kind: EventUpdate, Member: self("drain")})
	o.reconcile(t.Context(), []Member{self("undrain")})
	if !reflect.DeepEqual(got, []string{"drain", "undrain"}) {
		t.Errorf("told %q", got)
	}
}
