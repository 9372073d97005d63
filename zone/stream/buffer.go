package stream

import (
	"sync"

	"github.com/miekg/dns"
)

// buffers are for the messages of transfers: what is read of one is copied.
var buffers = sync.Pool{New: func() any { return new([dns.MaxMsgSize]byte) }}

// longMessage is the length from which a message is read into a shared buffer.
const longMessage = 1 << 14

// Buffer returns room for a message of n octets. Give it back with Recycle when
// nothing refers to it any more.
func Buffer(n int) []byte {
	if n < longMessage {
		return make([]byte, n)
	}
	return buffers.Get().(*[dns.MaxMsgSize]byte)[:n]
}

// Recycle gives the buffer of a message back.
func Recycle(wire []byte) {
	if cap(wire) == dns.MaxMsgSize {
		buffers.Put((*[dns.MaxMsgSize]byte)(wire[:dns.MaxMsgSize]))
	}
}
