package federation

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// updates is what this node takes DNS UPDATEs with (RFC 2136).
type updates struct {
	r       *Runtime
	home    update.Home
	writers map[string]*writer // by key name
	replay  *update.Replay     // nil if no key may update
	resent  resent
	log     *slog.Logger
}

func newUpdates(r *Runtime, boot string) *updates {
	apex := zone.HomeZone(r.cfg.Node, r.cfg.Origin)
	u := &updates{r: r, writers: map[string]*writer{},
		log: r.log.With("source", "update"),
		home: update.Home{Node: r.cfg.Node, Origin: r.cfg.Origin, Clock: r.clock, Now: time.Now,
			Users: r.view.Home(r.cfg.Node).Users, Newest: r.view.Newest, Allows: r.directory.Allows,
			Apex: func() []dns.RR { return r.apexRecords(apex) }}}
	for _, p := range r.cfg.Updates {
		who := u.writers[p.Key.Name]
		if who == nil {
			who = &writer{key: p.Key, slots: make(chan struct{}, maxReads)}
			u.writers[p.Key.Name] = who
		}
		who.rules = append(who.rules, p.Rule)
	}
	if len(u.writers) > 0 {
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

// update answers an UPDATE whose signature, if it has one, is good.
func (f *Federation) update(w dns.ResponseWriter, r *dns.Msg, key string) (int, error) {
	u := f.runtime.updates
	state := request.Request{W: w, Req: r}
	t := tsigOf(r, key)
	take := func() error { return u.take(r, key, t) }
	var err error
	if t != nil && state.Proto() == "udp" {
		err = u.resent.once(fmt.Sprintf("%s %s %d %s", state.IP(), state.Port(), r.Id, t.MAC), take)
	} else {
		err = take()
	}
	rcode, name := rcodeOf(err)
	updateCount.WithLabelValues(f.origin, name).Inc()
	if err != nil {
		u.complain(name, key, state.IP(), err)
	}
	switch {
	case errors.Is(err, update.ErrTime):
		return f.tsigError(w, r, t, dns.RcodeBadTime)
	case errors.Is(err, errAlgorithm):
		return f.tsigError(w, r, t, dns.RcodeBadKey)
	}
	m := new(dns.Msg)
	m.SetRcode(r, rcode)
	if err != nil && key != "" {
		explain(m, r, err)
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
	case errors.Is(err, errAlgorithm):
		return dns.RcodeNotAuth, dns.RcodeToString[dns.RcodeNotAuth]
	case errors.As(err, &refusal):
		rcode = refusal.Rcode
	case errors.Is(err, zone.ErrUnpublishable):
		rcode = dns.RcodeRefused
	}
	return rcode, dns.RcodeToString[rcode]
}

// complain logs why an update was not taken. Whoever has no key cannot fill
// the log.
func (u *updates) complain(rcode, key, from string, err error) {
	level := slog.LevelWarn
	if key == "" {
		level = slog.LevelDebug
	}
	u.log.Log(u.r.ctx, level, "update not taken", "rcode", rcode, "key", key, "from", from, "why", err)
}

// explain tells whoever sent an OPT why (RFC 8914): the rcode alone says
// little to a person.
func explain(m, r *dns.Msg, err error) {
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

// errAlgorithm: a key is known with its algorithm only (RFC 8945 §5.2.1).
var errAlgorithm = errors.New("the key is for another algorithm: BADKEY")

// take does what an UPDATE says, once. The error is update.ErrTime, a
// *update.Refusal, or that of a disk.
func (u *updates) take(r *dns.Msg, key string, t *dns.TSIG) error {
	who := u.writers[key]
	switch {
	case key == "":
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "it is not signed"}
	case who == nil:
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "no update line names the key"}
	case t == nil:
		return errors.New("its signature cannot be seen, and so a replay not be told")
	case dns.CanonicalName(t.Algorithm) != who.key.Algorithm:
		return errAlgorithm
	}
	if err := u.home.CheckZone(r); err != nil {
		return err
	}
	if err := u.replay.Take(key, t.MAC, time.Unix(int64(t.TimeSigned), 0)); err != nil {
		return err
	}
	if !u.r.known() {
		return errors.New("what the peers have kept of this zone is not known yet; try again in a few seconds")
	}
	var done []location.Change
	err := u.r.primary.Publish(func(_ *location.Store, pubs *location.Publications) (changes []location.Change, err error) {
		done, err = u.home.Decide(r, key, pubs, who.rules)
		return done, err
	})
	if err != nil || len(done) == 0 {
		return err
	}
	u.r.wakeExpiry()
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
