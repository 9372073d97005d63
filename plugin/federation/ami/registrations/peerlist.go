package registrations

import (
	"net"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// peerList takes a list of all chan_sip or IAX2 peers and delivers it, corrected by
// the events that came while it was taken.
type peerList struct {
	f    *follower
	tech location.Kind
	list []location.Contact
}

// Patience implements ami.Patient.
func (l *peerList) Patience() time.Duration { return l.f.patience() }

// Row reads a row of SIPpeers or IAXpeerlist. It counts if the peer registers
// (Dynamic) and has an address now.
func (l *peerList) Row(m *ami.Message) error {
	f := l.f
	if !strings.EqualFold(m.Text(ami.KeyDynamic), "yes") {
		return nil
	}
	a, ok := f.aor(m.Get(ami.KeyObjectName))
	if !ok {
		return nil
	}
	addr := strings.Trim(m.Text(ami.KeyIPAddress), "[]")
	there := net.ParseIP(addr) != nil // else "-none-", "(null)"
	f.users.peers[l.tech].list(a, m.Is(ami.KeyRealtimeDevice, "yes"), there)
	if !there {
		f.users.bare[a] = true
		return nil
	}
	if l.tech == location.SIP {
		addr = net.JoinHostPort(addr, m.Text(ami.KeyIPPort))
	}
	l.list = append(l.list, Peer(a, l.tech, addr))
	return nil
}

// Done implements ami.Handler.
func (l *peerList) Done(_ *ami.Message, err error) error {
	return l.f.listDone(l.tech, err, len(l.list), l.deliver)
}

func (l *peerList) deliver() {
	f, list := l.f, l.list
	latest := map[location.AOR]note{}
	for _, n := range f.full.notes {
		if n.tech == l.tech {
			latest[n.aor] = n
		}
	}
	if len(latest) > 0 {
		kept := list[:0]
		for _, c := range list {
			if _, changed := latest[c.AOR]; !changed {
				kept = append(kept, c)
			}
		}
		list = kept
		for _, n := range latest {
			if !n.removed {
				list = append(list, location.Contact{AOR: n.aor, Kind: n.tech, URI: n.uri})
			}
		}
	}
	for i := range list {
		list[i].Since = f.marks.proves(&list[i])
	}
	for _, c := range f.users.peers[l.tech].unlisted(l.tech, f.cfg.Now()) {
		if _, changed := latest[c.AOR]; !changed { // else it is there already
			list = append(list, c)
		}
	}
	f.delivered(l.tech, len(list))
	f.cfg.Listener.ListedAll(l.tech, location.List(list...))
}
