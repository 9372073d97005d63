package serf

import (
	"bytes"
	"testing"
	"time"
)

// Every member answers a query, the asked one too; who has nothing to say, or
// too much to do, does not.
func TestQuery(t *testing.T) {
	answers := func(name string) func(*Config) {
		return func(c *Config) {
			c.OnQuery = func(query string, deadline time.Time) []byte {
				if query != "federation:status" || time.Until(deadline) <= 0 {
					return nil
				}
				return []byte(name)
			}
		}
	}
	a := startNode(t, "a", withRPC, answers("here a"))
	startNode(t, "b", answers("here b"), joining(a))
	startNode(t, "c", joining(a), func(c *Config) {
		c.OnQuery = func(string, time.Time) []byte { return bytes.Repeat([]byte("x"), 5000) }
	})
	startNode(t, "mute", joining(a))
	a.await(t, EventJoin, "b")
	a.await(t, EventJoin, "c")
	a.await(t, EventJoin, "mute")
	rpc, err := Dial(a.RPCAddr(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer rpc.Close()
	var list []Response
	until(t, "all three answer", func() bool { // gossip may pass by a member once
		if list, err = rpc.Query("federation:status", nil, 3, time.Second); err != nil {
			t.Fatal(err)
		}
		return len(list) == 3
	})
	if list[0].From != "a" || string(list[0].Payload) != "here a" || list[1].From != "b" || string(list[1].Payload) != "here b" {
		t.Errorf("answers are %q", list)
	}
	if list[2].From != "c" || len(list[2].Payload) != MaxAnswer {
		t.Errorf("the long answer has %d octets, want %d", len(list[2].Payload), MaxAnswer)
	}
	until(t, "c answers another query alone", func() bool {
		list, err := rpc.Query("other", nil, 4, 200*time.Millisecond)
		if err != nil || len(list) > 1 { // nothing is made up when the time is over
			t.Fatalf("%v, %v", list, err)
		}
		return len(list) == 1 && list[0].From == "c"
	})
}

// More queries than can be answered at once cost no more goroutines.
func TestQueryStorm(t *testing.T) {
	release := make(chan struct{})
	busy := make(chan struct{}, 1000)
	a := startNode(t, "a", withRPC, func(c *Config) {
		c.OnQuery = func(string, time.Time) []byte {
			busy <- struct{}{}
			<-release
			return nil
		}
	})
	rpc, err := Dial(a.RPCAddr(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer rpc.Close()
	for range 3 * maxQueries {
		if _, err := rpc.Query("x", nil, 0, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "queries at work", func() bool { return len(busy) == maxQueries })
	close(release)
}
