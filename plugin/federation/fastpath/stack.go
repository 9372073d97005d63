package fastpath

import "github.com/miekg/dns"

// stackOfQuery is the stack that the answer to a query is made on, in octets,
// the chain of plugins and CoreDNS included. With what Go adds it comes to a
// stack of 16,384; one of 8,192 is too small for prometheus and for answers that
// are compressed.
const stackOfQuery = 12 << 10

// GrowStack is a dns.DecorateWriter that decorates nothing. dns.Server makes a
// goroutine for each query, whose stack of 2,048 octets would be copied while
// the query is answered, twice, frame by frame: 44,000 of 100,000 instructions
// (docs/decisions/102). It calls its DecorateWriter before anything else, when
// there are five frames to copy.
func GrowStack(w dns.Writer) dns.Writer {
	grow(false)
	return w
}

// grow makes the stack of the goroutine large enough for its own frame, which
// it then leaves unused.
//
//go:noinline
func grow(use bool) (last byte) {
	if !use {
		return 0
	}
	var frame [stackOfQuery]byte
	for i := range frame {
		frame[i] = last + byte(i)
		last = frame[i/2]
	}
	return last
}

// growThen is GrowStack before another decoration, nil for none.
func growThen(next dns.DecorateWriter) dns.DecorateWriter {
	if next == nil {
		return GrowStack
	}
	return func(w dns.Writer) dns.Writer { return next(GrowStack(w)) }
}
