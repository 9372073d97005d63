package serf

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/client"
	hserf "github.com/hashicorp/serf/serf"
)

// MaxAnswer is the longest answer to a query, in octets: what Serf lets
// through (1,024 with its own envelope), relayed and with the longest names.
const MaxAnswer = 800

// maxQueries bounds the queries that are answered at the same time; what comes
// beyond goes unanswered, which the asker sees.
const maxQueries = 16

// answerer answers the queries of other members.
type answerer struct {
	answer func(name string, deadline time.Time) []byte
	ring   *memberlist.Keyring // nil without encryption
	log    *slog.Logger
	slots  chan struct{}
}

func newAnswerer(answer func(string, time.Time) []byte, ring *memberlist.Keyring, log *slog.Logger) *answerer {
	if answer == nil {
		answer = func(string, time.Time) []byte { return nil }
	}
	return &answerer{answer: answer, ring: ring, log: log, slots: make(chan struct{}, maxQueries)}
}

// text returns the answer to a query, nil for none.
func (a *answerer) text(q *hserf.Query) []byte {
	if q.Name == primaryQuery {
		if a.ring == nil {
			return nil
		}
		return []byte(keyID(a.ring.GetPrimaryKey()))
	}
	return a.answer(q.Name, q.Deadline())
}

// HandleEvent is called by Serf's loop, which must not wait for it.
func (a *answerer) HandleEvent(e hserf.Event) {
	q, ok := e.(*hserf.Query)
	if !ok {
		return
	}
	select {
	case a.slots <- struct{}{}:
	default:
		a.log.Debug("query not answered: too many at once", "query", q.Name)
		return
	}
	go func() {
		defer func() { <-a.slots }()
		text := a.text(q)
		if text == nil {
			return
		}
		if err := q.Respond(text[:min(len(text), MaxAnswer)]); err != nil {
			a.log.Debug("query not answered", "query", q.Name, "from", q.SourceNode(), "err", err)
		}
	}()
}

// Response is what one member has answered to a query.
type Response struct {
	From    string
	Payload []byte
	After   time.Duration // since the query was sent
}

// Query asks the members named, or all if none is, and returns what came within
// limit, by name of the member. It returns earlier when as many as expected have
// answered.
func (c *Client) Query(name string, only []string, expected int, limit time.Duration) (list []Response, err error) {
	responses := make(chan client.NodeResponse, 1024)
	began := time.Now()
	err = c.call("query "+name, callLimit, func() error {
		return c.rpc.Query(&client.QueryParam{Name: name, FilterNodes: only, Timeout: limit, RelayFactor: 1, RespCh: responses})
	})
	if err != nil {
		return nil, err
	}
	over := time.NewTimer(limit + time.Second)
	defer over.Stop()
	defer func() { // what still comes has a reader until the client is closed
		go func() {
			for range responses {
			}
		}()
	}()
	for len(list) < expected || expected == 0 {
		select {
		case r, open := <-responses:
			if !open {
				return bySender(list), nil
			}
			if r.From == "" { // Serf's RPC sends empty ones while a query ends
				continue
			}
			if len(r.Payload) > MaxAnswer {
				return nil, fmt.Errorf("query %s: %s answered with %d octets", name, r.From, len(r.Payload))
			}
			list = append(list, Response{r.From, r.Payload, time.Since(began)})
		case <-over.C:
			return bySender(list), errors.New("query " + name + ": the agent does not say that it is over")
		}
	}
	return bySender(list), nil
}

func bySender(list []Response) []Response {
	slices.SortFunc(list, func(a, b Response) int { return cmp.Compare(a.From, b.From) })
	return list
}
