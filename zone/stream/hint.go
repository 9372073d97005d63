package stream

import (
	"bytes"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Hint packs a NOTIFY m with the answer to an IXFR, if that fits into one message.
func Hint(m *dns.Msg, q Query, v record.Version, deltas []record.Delta) (wire []byte, ok bool) {
	messages := 0
	w, err := newWriter(Reply{Msg: m, Send: func(msg []byte) error {
		wire, messages = bytes.Clone(msg), messages+1
		return nil
	}}, q.Apex, q.TTL)
	if err != nil {
		return nil, false
	}
	defer w.release()
	a := answer{sink: w, Query: q}
	err = a.incremental(v, deltas)
	return wire, err == nil && messages == 1
}
