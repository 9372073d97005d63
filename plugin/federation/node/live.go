package node

import (
	"context"
	"strconv"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// liveLimit is how long Asterisk may take to list what is there: less than who
// transfers waits for a message.
const liveLimit = 4 * time.Second

// listing is a zone with one version: now.
type listing struct {
	version  record.Version
	node     record.Node
	bindings []location.Binding
}

// Since implements stream.Zone: what was there before is not known.
func (l listing) Since(uint32) (record.Version, []record.Delta, bool) { return l.version, nil, false }

// Snapshot implements stream.Zone.
func (l listing) Snapshot() (record.Version, record.Node, []location.Binding) {
	return l.version, l.node, l.bindings
}

// LiveZone asks Asterisk for all contacts. A node without an Asterisk has none,
// and its zone has nothing but the node.
func (n *Node) LiveZone() (stream.Zone, error) {
	v := n.primary.Version()
	l := listing{version: record.Version{Epoch: v.Epoch, Serial: uint32(time.Now().Unix())}, node: n.primary.Node()}
	if n.asterisk.live == nil {
		return l, nil
	}
	ctx, cancel := context.WithTimeout(n.tasks.ctx, liveLimit)
	defer cancel()
	list, err := n.asterisk.live.Contacts(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		l.bindings = append(l.bindings, location.Binding{AOR: c.AOR, Kind: c.Kind, Contact: c.ID()})
	}
	return l, nil
}

// maxChannels bounds the records of one answer, which must fit into 64 KiB.
const maxChannels = 250

// LiveChannels returns a record of the number of channels, and one of each.
func (n *Node) LiveChannels(owner string) ([]dns.RR, error) {
	if n.asterisk.live == nil {
		return nil, errNoAsterisk
	}
	ctx, cancel := context.WithTimeout(n.tasks.ctx, liveLimit)
	defer cancel()
	list, err := n.asterisk.live.Channels(ctx)
	if err != nil {
		return nil, err
	}
	ttl := n.view.TTL()
	out := []dns.RR{record.StringsTXT(owner, ttl, record.TXTVersion, "n=0", "node="+n.cfg.Node, "channels="+strconv.Itoa(len(list)))}
	for i, c := range list[:min(len(list), maxChannels)] {
		out = append(out, record.StringsTXT(owner, ttl, record.TXTVersion, "n="+strconv.Itoa(i+1), "channel="+word(c.Name), "state="+word(c.State),
			"from="+word(c.Number), "to="+word(c.Connected), "exten="+word(c.Extension), "seconds="+strconv.Itoa(c.Seconds)))
	}
	return out, nil
}
