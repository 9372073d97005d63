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
	apply := func() error { return f.authority.updates.apply(r, key, t) }
	var err error
	if t != nil && state.Proto() == "udp" {
		err = f.resent.once(fmt.Sprintf("%s %s %d %s", state.IP(), state.Port(), r.Id, t.MAC), apply)
	} else {
		err = apply()
	}
	rcode, name := rcodeOf(err)
	updateCount.WithLabelValues(f.origin, name).Inc()
	if err != nil {
		f.logRefusal(name, key, state.IP(), err)
	}
	switch {
	case errors.Is(err, update.ErrTime):
		return f.tsigError(w, r, t, dns.RcodeBadTime)
	case errors.Is(err, errKeyAlgorithm):
		return f.tsigError(w, r, t, dns.RcodeBadKey)
	}
	m := new(dns.Msg)
	m.SetRcode(r, rcode)
	if err != nil && key != "" {
		reason(m, r, err)
	}
	return f.write(w, r, m)
}

// rcodeOf returns the rcode for an error, and its name. An error that the message did
// not cause is SERVFAIL.
func rcodeOf(err error) (int, string) {
	rcode := dns.RcodeServerFailure
	var refusal *update.Refusal
	switch {
	case err == nil:
		rcode = dns.RcodeSuccess
	case errors.Is(err, update.ErrTime):
		return dns.RcodeNotAuth, dns.RcodeToString[dns.RcodeBadTime]
	case errors.Is(err, errKeyAlgorithm):
		return dns.RcodeNotAuth, dns.RcodeToString[dns.RcodeNotAuth]
	case errors.As(err, &refusal):
		rcode = refusal.Rcode
	case errors.Is(err, primary.ErrUnpublishable):
		rcode = dns.RcodeRefused
	}
	return rcode, dns.RcodeToString[rcode]
}

// logRefusal logs why an update was refused: as a warning if the sender has a key, so
// that nobody else can fill the log.
func (f *Federation) logRefusal(rcode, key, from string, err error) {
	level := slog.LevelWarn
	if key == "" {
		level = slog.LevelDebug
	}
	f.authority.log.With("source", "update").Log(context.Background(), level, "update not taken", "rcode", rcode, "key", key, "from", from, "why", err)
}

// reason adds the text of an error to an answer (RFC 8914), if the request has an OPT.
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

// updates applies DNS UPDATEs (RFC 2136) to the home zone of this node.
type updates struct {
	r      *authority
	home   update.Home
	replay *update.Replay // nil if no key may update
	log    *slog.Logger
}

func newUpdates(r *authority, boot string) *updates {
	apex := record.HomeZone(r.cfg.Node, r.cfg.Origin)
	u := &updates{r: r,
		log: r.log.With("source", "update"),
		home: update.Home{Node: r.cfg.Node, Origin: r.cfg.Origin, Clock: r.clock, Now: time.Now,
			Users: r.zone.Home(r.cfg.Node).Users, Newest: r.zone.Newest, Allows: r.node.Allows,
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

// errKeyAlgorithm: a key belongs to one algorithm (RFC 8945 §5.2.1).
var errKeyAlgorithm = errors.New("the key is for another algorithm: BADKEY")

// apply applies an UPDATE once; t is its signature by the key. The error is
// update.ErrTime, errKeyAlgorithm, a *update.Refusal, or that of a disk.
func (u *updates) apply(r *dns.Msg, key string, t *dns.TSIG) error {
	known, rules := u.r.cfg.UpdateKey(key)
	switch {
	case key == "":
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "it is not signed"}
	case known == nil:
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "no update line names the key"}
	case t == nil:
		return errors.New("its signature is not visible, so a replay could not be recognised")
	case dns.CanonicalName(t.Algorithm) != known.Algorithm:
		return errKeyAlgorithm
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
	u.log.Info("updated", "key", key, "changes", len(done), "first", describe(done[0]), "serial", u.r.primary.Version().Serial)
	return nil
}

// describe describes a change in a few words.
func describe(c location.Change) string {
	b, verb := c.New, "add"
	switch {
	case b.Kind == 0:
		b, verb = c.Old, "delete"
	case c.Old.Kind != 0:
		verb = "replace"
	}
	return verb + " " + b.Kind.String() + " " + string(b.AOR)
}

// resent remembers the UPDATEs of the last seconds that came over UDP, and their
// results. A client that gets no answer in time sends the same datagram again, from the
// same port: it gets the same answer, and nothing is done twice. With BADTIME, the
// answer to a replay, the client would think that the first one was refused.
type resent struct {
	mu   sync.Mutex
	last map[string]*outcome
}

type outcome struct {
	done chan struct{} // closed once err is set
	err  error
}

// resendWindow is how long they are remembered: longer than nsupdate tries three times.
const resendWindow = 15 * time.Second

// once calls apply and returns its error. For the same datagram it returns that error
// again.
func (s *resent) once(datagram string, apply func() error) error {
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
	o.err = apply()
	return o.err
}
