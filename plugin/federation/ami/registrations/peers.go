package registrations

import (
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// peers are those of chan_sip or IAX2 that have announced a registration.
//
// With rtcachefriends=no Asterisk forgets a peer of a realtime database after
// each registration: it announces that, and no list shows it. So a list takes
// nobody away whom it has never shown, or has shown as a realtime peer.
type peers struct {
	announced map[location.AOR]announcement
	// now and before are the peers of the list under way and of the last one.
	now, before map[location.AOR]listedPeer
}

type announcement struct {
	uri string
	at  time.Time
}

type listedPeer struct{ realtime bool }

// peerLife is how long an announced chan_sip peer that no list shows is taken
// to be registered: the default maxexpiry of sip.conf. Each refresh is announced
// too, but the expiry of such a peer is not. An IAX2 peer is announced at its
// registration and at its expiry, and not in between.
const peerLife = time.Hour

func (p *peers) begin() { p.now = map[location.AOR]listedPeer{} }

// list takes a row; there says that it has an address.
func (p *peers) list(a location.AOR, realtime, there bool) {
	if p.now != nil {
		p.now[a] = listedPeer{realtime}
	}
	if !there {
		delete(p.announced, a)
	}
}

func (p *peers) registered(a location.AOR, uri string, at time.Time) {
	if p.announced == nil {
		p.announced = map[location.AOR]announcement{}
	}
	p.announced[a] = announcement{uri, at}
}

func (p *peers) removed(a location.AOR) { delete(p.announced, a) }

// unlisted ends a list and returns the contacts that it cannot show.
func (p *peers) unlisted(t location.Kind, now time.Time) (out []location.Contact) {
	for a, reg := range p.announced {
		_, listed := p.now[a]
		was, before := p.before[a]
		switch {
		case listed:
		case before && !was.realtime: // deleted from the configuration
			delete(p.announced, a)
		case t == location.SIP && now.Sub(reg.at) >= peerLife:
			delete(p.announced, a)
		default:
			out = append(out, location.Contact{AOR: a, Kind: t, URI: reg.uri})
		}
	}
	p.before, p.now = p.now, nil
	return out
}
