package federation

import (
	"fmt"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// secure makes the answer a signed one where the zone has keys and the asker
// wants it (RFC 4035 §3.2.1), and answers for types that only a signed zone
// has. An error means SERVFAIL.
func (f *Federation) secure(w dns.ResponseWriter, r, m *dns.Msg, a record.Client) error {
	s := f.node.Signer()
	if s == nil {
		return nil
	}
	types := func(name string) ([]uint16, bool) { return f.node.View().Types(a, name) }
	s.Own(m, types)
	state := request.Request{W: w, Req: r}
	if !state.Do() || m.Rcode == dns.RcodeFormatError {
		return nil
	}
	if err := s.Sign(m, types, r.IsEdns0()); err != nil {
		return fmt.Errorf("sign answer: %w", err)
	}
	return nil
}
