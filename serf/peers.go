package serf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/asterfed/asterfed/zone/datadir"
	hserf "github.com/hashicorp/serf/serf"
)

// peer is a member that is expected to take part.
type peer struct {
	Name string         `json:"name"`
	Addr netip.AddrPort `json:"addr"`
}

// peers is the list of the other members that never said that they leave. It
// outlives Serf's memory of failed members, which ends after 24 hours. Safe
// for concurrent use.
type peers struct {
	self string
	file string // "" = not kept

	mu    sync.Mutex
	addrs map[string]netip.AddrPort // by name
	dirty bool
}

// openPeers reads the list kept in file. After an error the list is usable,
// but empty.
func openPeers(self, file string) (*peers, error) {
	p := &peers{self: self, file: file, addrs: make(map[string]netip.AddrPort)}
	if file == "" {
		return p, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read peer list: %w", err)
	}
	var list []peer
	if err := json.Unmarshal(text, &list); err != nil {
		return p, fmt.Errorf("parse peer list %s: %w", file, err)
	}
	for _, e := range list {
		if e.Name != self && nodeName.MatchString(e.Name) && e.Addr.IsValid() {
			p.addrs[e.Name] = e.Addr
		}
	}
	return p, nil
}

// HandleEvent forgets members at once that leave or are made to leave: a
// pruned one may be gone from the member list before the next look.
func (p *peers) HandleEvent(e hserf.Event) {
	me, ok := e.(hserf.MemberEvent)
	if !ok || me.Type != hserf.EventMemberLeave {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range me.Members {
		p.forget(m.Name)
	}
}

// observe brings the list up to date with Serf's members and returns the
// peers that are missing, by name.
func (p *peers) observe(members []Member) []peer {
	p.mu.Lock()
	defer p.mu.Unlock()

	up := make(map[string]bool)
	used := make(map[netip.AddrPort]bool)
	for _, m := range members {
		switch {
		case m.Status.up():
			up[m.Name], used[m.Addr] = true, true
			if m.Name != p.self && p.addrs[m.Name] != m.Addr {
				p.addrs[m.Name], p.dirty = m.Addr, true
			}
		case m.Status == StatusLeft:
			p.forget(m.Name)
		}
	}
	var missing []peer
	for name, addr := range p.addrs {
		switch {
		case up[name]:
		case used[addr]: // another member took over its address
			p.forget(name)
		default:
			missing = append(missing, peer{name, addr})
		}
	}
	slices.SortFunc(missing, byName)
	return missing
}

// drop forgets a peer.
func (p *peers) drop(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(name)
}

// forget is drop for callers that hold the lock.
func (p *peers) forget(name string) {
	if _, ok := p.addrs[name]; ok {
		delete(p.addrs, name)
		p.dirty = true
	}
}

// save writes the list if it has changed.
func (p *peers) save() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dirty || p.file == "" {
		return nil
	}
	list := make([]peer, 0, len(p.addrs))
	for _, name := range slices.Sorted(maps.Keys(p.addrs)) {
		list = append(list, peer{name, p.addrs[name]})
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("encode peer list: %w", err)
	}
	if err := datadir.Replace(p.file, datadir.Durable, 0o600, datadir.Text(string(text)+"\n")); err != nil {
		return err
	}
	p.dirty = false
	return nil
}

func byName(a, b peer) int { return strings.Compare(a.Name, b.Name) }
