package federation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// update answers an UPDATE whose signature, if it has one, is good.
func (f *Federation) update(w dns.ResponseWriter, r *dns.Msg, key string) (int, error) {
	state := request.Request{W: w, Req: r}
	t := tsigOf(r, key)
	take := func() error { return f.runtime.update(r, key, t) }
	var err error
	if t != nil && state.Proto() == "udp" {
		err = f.resent.once(fmt.Sprintf("%s %s %d %s", state.IP(), state.Port(), r.Id, t.MAC), take)
	} else {
		err = take()
	}
	rcode, name := rcodeOf(err)
	updateCount.WithLabelValues(f.origin, name).Inc()
	if err != nil {
		f.complain(name, key, state.IP(), err)
	}
	switch {
	case errors.Is(err, update.ErrTime):
		return f.tsigError(w, r, t, dns.RcodeBadTime)
	case errors.Is(err, ErrKeyAlgorithm):
		return f.tsigError(w, r, t, dns.RcodeBadKey)
	}
	m := new(dns.Msg)
	m.SetRcode(r, rcode)
	if err != nil && key != "" {
		reason(m, r, err)
	}
	return f.write(w, r, m)
}

// rcodeOf returns the rcode that tells an error, and its name: trouble that is
// not the message's is SERVFAIL.
func rcodeOf(err error) (int, string) {
	rcode := dns.RcodeServerFailure
	var refusal *update.Refusal
	switch {
	case err == nil:
		rcode = dns.RcodeSuccess
	case errors.Is(err, update.ErrTime):
		return dns.RcodeNotAuth, dns.RcodeToString[dns.RcodeBadTime]
	case errors.Is(err, ErrKeyAlgorithm):
		return dns.RcodeNotAuth, dns.RcodeToString[dns.RcodeNotAuth]
	case errors.As(err, &refusal):
		rcode = refusal.Rcode
	case errors.Is(err, primary.ErrUnpublishable):
		rcode = dns.RcodeRefused
	}
	return rcode, dns.RcodeToString[rcode]
}

// complain logs why an update was not taken. Whoever has no key cannot fill
// the log.
func (f *Federation) complain(rcode, key, from string, err error) {
	level := slog.LevelWarn
	if key == "" {
		level = slog.LevelDebug
	}
	f.runtime.log.With("source", "update").Log(context.Background(), level, "update not taken", "rcode", rcode, "key", key, "from", from, "why", err)
}

// reason tells whoever sent an OPT why (RFC 8914): the rcode alone says
// little to a person.
func reason(m, r *dns.Msg, err error) {
	if r.IsEdns0() == nil {
		return
	}
	text := err.Error()
	if len(text) > maxReason {
		text = text[:maxReason]
	}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeOther, ExtraText: text})
	m.Extra = append(m.Extra, opt)
}

// maxReason bounds the text of a reason, in octets.
const maxReason = 300

// updates is what this node takes DNS UPDATEs with (RFC 2136).
type updates struct {
	r      *Runtime
	home   update.Home
	replay *update.Replay // nil if no key may update
	log    *slog.Logger
}

func newUpdates(r *Runtime, boot string) *updates {
	apex := record.HomeZone(r.cfg.Node, r.cfg.Origin)
	u := &updates{r: r,
		log: r.log.With("source", "update"),
		home: update.Home{Node: r.cfg.Node, Origin: r.cfg.Origin, Clock: r.clock, Now: time.Now,
			Users: r.view.Home(r.cfg.Node).Users, Newest: r.view.Newest, Allows: r.node.Allows,
			Apex: func() []dns.RR { return r.apexRecords(apex) }}}
	if len(r.cfg.Updates) > 0 {
		u.replay = update.OpenReplay(r.cfg.Data, boot, time.Now)
	}
	return u
}

func (u *updates) close() error {
	if u == nil || u.replay == nil {
		return nil
	}
	return u.replay.Close()
}

// ErrKeyAlgorithm: a key is known with its algorithm only (RFC 8945 §5.2.1).
var ErrKeyAlgorithm = errors.New("the key is for another algorithm: BADKEY")

// update does what an UPDATE says, once; t is its signature by the key. The error is update.ErrTime, a
// *update.Refusal, or that of a disk.
func (r *Runtime) update(m *dns.Msg, key string, t *dns.TSIG) error { return r.updates.take(m, key, t) }

func (u *updates) take(r *dns.Msg, key string, t *dns.TSIG) error {
	known, rules := u.r.cfg.UpdateKey(key)
	switch {
	case key == "":
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "it is not signed"}
	case known == nil:
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "no update line names the key"}
	case t == nil:
		return errors.New("its signature cannot be seen, and so a replay not be told")
	case dns.CanonicalName(t.Algorithm) != known.Algorithm:
		return ErrKeyAlgorithm
	}
	if err := u.home.CheckZone(r); err != nil {
		return err
	}
	if err := u.replay.Take(key, t.MAC, time.Unix(int64(t.TimeSigned), 0)); err != nil {
		return err
	}
	if !u.r.node.Recovered() {
		return errors.New("what the peers have kept of this zone is not known yet; try again in a few seconds")
	}
	var done []location.Change
	err := u.r.primary.Publish(func(_ *location.Store, pubs *location.Publications) (changes []location.Change, err error) {
		done, err = u.home.Decide(r, key, pubs, rules)
		return done, err
	})
	if err != nil || len(done) == 0 {
		return err
	}
	u.r.node.Published()
	u.log.Info("updated", "key", key, "changes", len(done), "first", told(done[0]), "serial", u.r.primary.Version().Serial)
	return nil
}

// told is a change in a few words.
func told(c location.Change) string {
	b, verb := c.New, "add"
	switch {
	case b.Kind == 0:
		b, verb = c.Old, "delete"
	case c.Old.Kind != 0:
		verb = "replace"
	}
	return verb + " " + b.Kind.String() + " " + string(b.AOR)
}

// resent knows the UPDATEs of the last seconds that came over UDP, and what
// became of them: who gets no answer in time sends the same datagram again,
// from the same port. It is answered alike and not done again; told BADTIME,
// as a replay is, the client would take what was done for refused.
type resent struct {
	mu   sync.Mutex
	last map[string]*outcome
}

type outcome struct {
	done chan struct{} // closed once err is set
	err  error
}

// resendWindow is for how long, longer than the three tries of nsupdate.
const resendWindow = 15 * time.Second

// once does what take does, and returns its error; for the same datagram it
// returns that error again.
func (s *resent) once(datagram string, take func() error) error {
	s.mu.Lock()
	if o := s.last[datagram]; o != nil {
		s.mu.Unlock()
		<-o.done
		return o.err
	}
	if s.last == nil {
		s.last = map[string]*outcome{}
	}
	o := &outcome{done: make(chan struct{})}
	s.last[datagram] = o
	s.mu.Unlock()
	time.AfterFunc(resendWindow, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.last, datagram)
	})
	defer close(o.done)
	o.err = take()
	return o.err
}
