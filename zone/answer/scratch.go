package answer

import (
	"strings"
	"unsafe"

	"github.com/miekg/dns"
)

// scratch is memory that the records of an answer are made in, again and again,
// by one goroutine: what an answer holds is valid until the next one is begun.
// A nil scratch gives memory that lasts, and so does one that is used up.
type scratch struct {
	naptr []dns.NAPTR
	srv   []dns.SRV
	ns    []dns.NS
	txt   []dns.TXT
	words []string // of the TXT
	soa   dns.SOA
	text  []byte
	rrs   [3][]dns.RR // answer, authority, additional
	homes []ranked
}

// The sizes are those of an answer that fits into a datagram.
func newScratch() *scratch {
	s := &scratch{
		naptr: make([]dns.NAPTR, 0, 32), srv: make([]dns.SRV, 0, 32), ns: make([]dns.NS, 0, maxNS),
		txt: make([]dns.TXT, 0, 16), words: make([]string, 0, 16), text: make([]byte, 0, 4096), homes: make([]ranked, 0, 64),
	}
	for i := range s.rrs {
		s.rrs[i] = make([]dns.RR, 0, 128)
	}
	return s
}

// begin makes all of it free.
func (s *scratch) begin() {
	s.naptr, s.srv, s.ns, s.txt, s.words, s.text = s.naptr[:0], s.srv[:0], s.ns[:0], s.txt[:0], s.words[:0], s.text[:0]
}

// take returns room for one more, on the heap if list is full.
func take[T any](list *[]T) *T {
	n := len(*list)
	if n == cap(*list) {
		return new(T)
	}
	*list = (*list)[:n+1]
	return &(*list)[n]
}

func (s *scratch) takeNAPTR() *dns.NAPTR {
	if s == nil {
		return new(dns.NAPTR)
	}
	return take(&s.naptr)
}

func (s *scratch) takeSRV() *dns.SRV {
	if s == nil {
		return new(dns.SRV)
	}
	return take(&s.srv)
}

func (s *scratch) takeNS() *dns.NS {
	if s == nil {
		return new(dns.NS)
	}
	return take(&s.ns)
}

func (s *scratch) takeSOA() *dns.SOA {
	if s == nil {
		return new(dns.SOA)
	}
	return &s.soa
}

// takeTXT returns a TXT of one character-string.
func (s *scratch) takeTXT(hdr dns.RR_Header, word string) *dns.TXT {
	if s == nil || len(s.words) == cap(s.words) {
		return &dns.TXT{Hdr: hdr, Txt: []string{word}}
	}
	n := len(s.words)
	s.words = append(s.words, word)
	t := take(&s.txt)
	t.Hdr, t.Txt = hdr, s.words[n:n+1:n+1]
	return t
}

// The sections of an answer, as places in scratch.
const (
	answerSection = iota
	authoritySection
	additionalSection
)

// list returns an empty list for the records of a section.
func (s *scratch) list(section int) []dns.RR {
	if s == nil {
		return nil
	}
	return s.rrs[section][:0]
}

// rank returns an empty list for n homes. There is one at a time.
func (s *scratch) rank(n int) []ranked {
	if s == nil || n > cap(s.homes) {
		return make([]ranked, 0, n)
	}
	return s.homes[:0]
}

// bytes returns an empty slice for n octets.
func (s *scratch) bytes(n int) []byte {
	if s == nil || n > cap(s.text)-len(s.text) {
		return make([]byte, 0, n)
	}
	at := len(s.text)
	s.text = s.text[:at+n]
	return s.text[at : at : at+n]
}

// join returns its arguments as one string.
func (s *scratch) join(parts ...string) string {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if s == nil || size > cap(s.text)-len(s.text) || size == 0 {
		return strings.Join(parts, "")
	}
	b := s.bytes(size)
	for _, p := range parts {
		b = append(b, p...)
	}
	return unsafe.String(&b[0], size)
}
