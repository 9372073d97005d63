package gate

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/memberlist"
)

// keyWatch logs who changes the gossip keys. Serf obeys such a request on every
// node and does not log where it came from. keyWatch stands before Serf as
// memberlist's delegate, reads the queries of other members and passes every
// message on.
type keyWatch struct {
	memberlist.Delegate
	id  func(key []byte) string
	log *slog.Logger

	mu     sync.Mutex
	seen   map[keyQuery]bool // a query arrives through several members
	period time.Time
	lines  int // logged in this period
}

// WatchKeys returns a delegate that passes everything on to d. id returns what
// stands for a key in the log.
func WatchKeys(d memberlist.Delegate, id func(key []byte) string, log *slog.Logger) memberlist.Delegate {
	return &keyWatch{Delegate: d, id: id, log: log}
}

// keyQuery identifies a query, as in Serf.
type keyQuery struct {
	time uint64
	id   uint32
}

// queryMessage is Serf's message type of a query.
const queryMessage = 4

// keyChanges are Serf's queries that change the keyring.
var keyChanges = map[string]string{
	"_serf_install-key": "gossip key installed",
	"_serf_use-key":     "gossip key used from now on",
	"_serf_remove-key":  "gossip key removed",
}

// NotifyMsg passes a message on to Serf.
func (w *keyWatch) NotifyMsg(msg []byte) {
	if len(msg) > 0 && msg[0] == queryMessage && bytes.Contains(msg, []byte("-key")) {
		w.look(msg[1:])
	}
	w.Delegate.NotifyMsg(msg)
}

func (w *keyWatch) look(msg []byte) {
	var q struct {
		LTime      uint64
		ID         uint32
		Addr       []byte
		Port       uint16
		SourceNode string
		Name       string
		Payload    []byte
	}
	if err := codec.NewDecoderBytes(msg, &codec.MsgpackHandle{}).Decode(&q); err != nil {
		return // Serf reports it
	}
	what, ok := keyChanges[q.Name]
	if !ok || !w.first(keyQuery{q.LTime, q.ID}) {
		return
	}
	var request struct{ Key []byte }
	if len(q.Payload) > 0 {
		// Without a key it is refused by Serf, and worth a line all the same.
		_ = codec.NewDecoderBytes(q.Payload[1:], &codec.MsgpackHandle{}).Decode(&request)
	}
	from := addrOf(&memberlist.Node{Addr: q.Addr, Port: q.Port})
	w.log.Warn(what+", as a member has asked of all", "key", w.id(request.Key), "by", fmt.Sprintf("%.128q", q.SourceNode), "addr", from)
}

// first reports whether q is new and may be logged. The number of lines is bounded,
// since a holder of the gossip key can send any number of queries.
func (w *keyWatch) first(q keyQuery) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil || len(w.seen) >= maxSaid {
		w.seen = make(map[keyQuery]bool)
	}
	if w.seen[q] {
		return false
	}
	w.seen[q] = true
	if now := time.Now(); now.Sub(w.period) >= logPause {
		w.period, w.lines = now, 0
	}
	w.lines++
	return w.lines <= logBudget
}
