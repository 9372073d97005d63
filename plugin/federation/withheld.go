package federation

import (
	"log/slog"
	"sync"

	"github.com/miekg/dns"
)

// withheld counts the records that a transfer left out because no DNS message can
// carry them, and logs each once. Safe for concurrent use.
type withheld struct {
	origin string
	log    *slog.Logger

	mu     sync.Mutex
	logged map[string]bool // by the record's text
}

// maxWithheld bounds the records that are remembered as logged. After that many
// different ones the log says nothing new.
const maxWithheld = 100

// report is the LeftOut of a transfer.
func (l *withheld) report(rr dns.RR, err error) {
	withheldCount.WithLabelValues(l.origin).Inc()
	text := rr.String()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log == nil || l.logged[text] || len(l.logged) >= maxWithheld {
		return
	}
	if l.logged == nil {
		l.logged = map[string]bool{}
	}
	l.logged[text] = true
	l.log.Error("record is left out of transfers: no DNS message can carry it; shorten it at its source",
		"name", rr.Header().Name, "err", err)
}
