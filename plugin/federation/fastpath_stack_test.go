//go:build !race

package federation

import (
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/asterfed/asterfed/plugin/federation/fastpath"
	"github.com/miekg/dns"
)

// moved calls do as a dns.Server answers a query, on a goroutine of its own that
// begins with first, and reports whether the stack has been copied meanwhile.
func moved(first dns.DecorateWriter, do func()) bool {
	out := make(chan bool)
	go func() {
		var local byte // its address is where the stack is
		first(nil)
		before := uintptr(unsafe.Pointer(&local))
		do()
		out <- uintptr(unsafe.Pointer(&local)) != before
	}()
	return <-out
}

// deep takes more than n kB of stack.
func deep(n int) (sum byte) {
	var frame [1 << 10]byte
	if n > 0 {
		frame[n%len(frame)] = deep(n - 1)
	}
	for _, b := range frame {
		sum += b
	}
	return sum
}

// What fastpath.GrowStack makes of a stack is enough for every kind of answer, those that are
// compressed included.
func TestStackIsEnough(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection makes stacks smaller
	b := newBoth(t)
	for _, name := range diffNames {
		for _, qtype := range diffTypes {
			m := new(dns.Msg)
			m.SetQuestion(dns.Fqdn(name+"."+diffOrigin), qtype)
			if name == "" {
				m.SetQuestion(diffOrigin, qtype)
			}
			m.SetEdns0(4096, true)
			datagram, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			if moved(fastpath.GrowStack, func() { b.slow(datagram, froms[0]) }) {
				t.Errorf("%s %s is answered on a stack that grows: stackOfQuery is too little", name, dns.TypeToString[qtype])
			}
		}
	}
	if !moved(fastpath.GrowStack, func() { deep(100) }) {
		t.Error("100 kB fit: this test cannot fail")
	}
}

// BenchmarkChain is a query through CoreDNS and the chain of plugins, from
// datagram to answer, on a goroutine of its own.
func BenchmarkChain(b *testing.B) {
	w := newBoth(b)
	for _, q := range []struct{ name, qname string }{{"hit", "7.6.5.4.3.2.1.3.2.7.9.e164."}, {"miss", "nobody.users."}} {
		m := new(dns.Msg)
		m.SetQuestion(q.qname+diffOrigin, dns.TypeNAPTR)
		datagram, err := m.Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				moved(fastpath.GrowStack, func() { w.slow(datagram, froms[0]) })
			}
		})
	}
}
