package federation

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/source"
	"github.com/asterfed/asterfed/zone/dnssec"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// secure signs an answer where the zone has keys and the client wants signatures (RFC
// 4035 §3.2.1), and answers for types that only a signed zone has. An error means
// SERVFAIL.
func (f *Federation) secure(w dns.ResponseWriter, r, m *dns.Msg, a record.Client) error {
	s := f.authority.signer
	if s == nil {
		return nil
	}
	types := func(name string) ([]uint16, bool) { return f.authority.zone.Types(a, name) }
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

// keysPeriod is how often DNSSEC key files are read again: their times may be
// changed by dnssec-settime.
const keysPeriod = 10 * time.Second

// followKeys reads the key files again and again. What cannot be read, such as
// a file that is being written, changes nothing.
func (r *authority) followKeys() {
	file := source.Reread{Logger: r.log, Kept: "DNSSEC keys cannot be read; those read before stay in force"}
	source.Every(r.ctx, keysPeriod, func() {
		file.Try(func() error {
			keys, err := dnssec.ReadKeys(r.cfg.DNSSEC, r.cfg.Origin, time.Now())
			if err == nil {
				r.signer.SetKeys(keys)
			}
			return err
		})
	})
}
