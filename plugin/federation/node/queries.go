package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/liveness"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/primary"
)

// queryPrefix begins the names of the Serf queries that a node answers from
// its own Asterisk, so that one question reaches everybody ("ask everyone").
const queryPrefix = "federation:"

// answerShare is the part of a query's time that Asterisk may take. The rest is for
// the way of the query, whose time starts here only when it arrives, and for that of
// the answer.
const answerShare = 2

// queries answers Serf queries from this node's Asterisk.
type queries struct {
	ctx      context.Context // of the node
	node     string
	asterisk *asterisk
	primary  *primary.Primary
	view     *answer.Zone
}

// answer answers a Serf query with words, key=value, separated by blanks. It returns
// nil for a query that is not for package node.
func (q *queries) answer(name string, deadline time.Time) []byte {
	what, ours := strings.CutPrefix(name, queryPrefix)
	ask := map[string]func(context.Context, *report) error{
		"status": q.status, "channels": q.channels, "users": q.users, "trunks": q.trunks}[what]
	if !ours || ask == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(q.ctx, time.Until(deadline)/answerShare)
	defer cancel()
	a := report{}
	if err := ask(ctx, &a); err != nil {
		a.trouble(err)
	}
	return a.text()
}

// report is the answer to a query in the making.
type report struct {
	words []string
	list  []string
}

func (a *report) add(key string, val any) {
	if s := fmt.Sprint(val); s != "" {
		a.words = append(a.words, key+"="+strings.Join(strings.Fields(s), "_"))
	}
}

var errNoAsterisk = errors.New("none")

// trouble says in one word why Asterisk has not answered.
func (a *report) trouble(err error) {
	var refused *ami.Refused
	switch {
	case errors.Is(err, errNoAsterisk):
		a.add("asterisk", "none")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		a.add("error", "timeout")
	case errors.As(err, &refused):
		a.add("error", "refused")
		a.add("why", refused.Error())
	default:
		a.add("error", "unreachable")
		a.add("why", err)
	}
}

// text returns the words, and as many of the list as fit into a query's answer;
// more=N says how many do not.
func (a *report) text() []byte {
	out := strings.Join(a.words, " ")
	out = out[:min(len(out), serf.MaxAnswer)]
	room := serf.MaxAnswer - len(out) - len(" list= more=1000000000")
	n := 0
	for _, item := range a.list {
		if room -= len(item) + 1; room < 0 {
			break
		}
		n++
	}
	if n > 0 {
		out += " list=" + strings.Join(a.list[:n], ",")
	}
	if n < len(a.list) {
		out += fmt.Sprintf(" more=%d", len(a.list)-n)
	}
	return []byte(out)
}

func (q *queries) status(ctx context.Context, a *report) error {
	n := q.primary.Node()
	a.add("state", n.State)
	a.add("bindings", q.view.Home(q.node).Len())
	if q.asterisk.live == nil {
		return errNoAsterisk
	}
	s, err := q.asterisk.live.Status(ctx)
	if err != nil {
		return err
	}
	a.add("asterisk", liveness.Printable(s.Version))
	a.add("calls", s.Calls)
	a.add("processed", s.Processed)
	a.add("since", s.Since)
	return nil
}

func (q *queries) channels(ctx context.Context, a *report) error {
	if q.asterisk.live == nil {
		return errNoAsterisk
	}
	list, err := q.asterisk.live.Channels(ctx)
	if err != nil {
		return err
	}
	a.add("channels", len(list))
	for _, c := range list {
		a.list = append(a.list, word(c.Name))
	}
	return nil
}

// word keeps what a name could break the list with out of it.
func word(s string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c == ',' || c == '=' || c > '~' {
			return '_'
		}
		return c
	}, s)
}

func (q *queries) users(ctx context.Context, a *report) error {
	if q.asterisk.live == nil {
		return errNoAsterisk
	}
	list, err := q.asterisk.live.Contacts(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = string(c.AOR)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	a.add("users", len(names))
	a.add("contacts", len(list))
	a.list = names
	return nil
}
