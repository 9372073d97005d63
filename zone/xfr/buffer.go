package xfr

import (
	"sync"

	"github.com/miekg/dns"
)

// buffers are for the messages of transfers: what is read of one is copied.
var buffers = sync.Pool{New: func() any { return new([dns.MaxMsgSize]byte) }}

// longMessage is from what length on a message is read into a shared buffer.
const longMessage = 1 << 14

// recycle gives the buffer of a message back.
func recycle(wire []byte) {
	if cap(wire) == dns.MaxMsgSize {
		buffers.Put((*[dns.MaxMsgSize]byte)(wire[:dns.MaxMsgSize]))
	}
}
