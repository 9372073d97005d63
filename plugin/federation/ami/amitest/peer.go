package amitest

import (
	"net"
	"sort"
)

// peer is a chan_sip or IAX2 peer.
type peer struct {
	tech, name string
	addr       string // "192.0.2.7:5060", empty if not registered
	static     bool
	realtime   bool // in a database
	uncached   bool // and in no list: rtcachefriends=no
}

// ProvisionPeer makes a peer of technology "SIP" or "IAX2" that may register.
// One with an address is static, as a trunk is.
func (s *Server) ProvisionPeer(tech, name, addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[tech+"/"+name] = &peer{tech: tech, name: name, addr: addr, static: addr != ""}
}

// ProvisionRealtimePeer makes a peer in a database, which registers. Without a
// cache no list shows it, and its expiry is not announced.
func (s *Server) ProvisionRealtimePeer(tech, name string, cached bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[tech+"/"+name] = &peer{tech: tech, name: name, realtime: true, uncached: !cached}
}

// DeprovisionPeer deletes a peer from the configuration, without a word.
func (s *Server) DeprovisionPeer(tech, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, tech+"/"+name)
}

// RegisterPeer takes the registration of a peer from addr, "192.0.2.7:5060".
// chan_sip announces refreshes too, IAX2 does not.
func (s *Server) RegisterPeer(tech, name, addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[tech+"/"+name]
	if p == nil {
		p = &peer{tech: tech, name: name}
		s.peers[tech+"/"+name] = p
	}
	refresh := p.addr == addr
	p.addr = addr
	if tech == "IAX2" {
		if refresh {
			return
		}
		addr, _, _ = net.SplitHostPort(addr)
	}
	s.emit("system", s.event("PeerStatus", "system", "ChannelType", tech, "Peer", tech+"/"+name, "PeerStatus", "Registered", "Address", addr))
}

// UnregisterPeer ends the registration of a peer; an expiry looks the same.
func (s *Server) UnregisterPeer(tech, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[tech+"/"+name]
	if p == nil || p.addr == "" {
		return
	}
	p.addr = ""
	s.emit("system", s.event("PeerStatus", "system", "ChannelType", tech, "Peer", tech+"/"+name, "PeerStatus", "Unregistered", "Cause", "Expired"))
}

// PutPeer gives a peer an address, or takes it, without a word.
func (s *Server) PutPeer(tech, name, addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[tech+"/"+name] = &peer{tech: tech, name: name, addr: addr}
}

func (s *Server) listPeers(tech string) *list {
	l := &list{start: "Peer status list will follow", complete: "PeerlistComplete"}
	var names []string
	for key, p := range s.peers {
		if p.tech == tech && !p.uncached {
			names = append(names, key)
		}
	}
	sort.Strings(names)
	for _, key := range names {
		l.events = append(l.events, s.peers[key].entry())
	}
	return l
}

func (p *peer) entry() []string {
	dynamic, realtime := "yes", "no"
	if p.realtime {
		realtime = "yes"
	}
	if p.static {
		dynamic = "no"
	}
	host, port, _ := net.SplitHostPort(p.addr)
	if p.tech == "IAX2" {
		if p.addr == "" {
			host, port = "(null)", "(null)"
		}
		return []string{"PeerEntry", "Channeltype", "IAX", "ObjectName", p.name, "ChanObjectType", "peer",
			"IPaddress", host, "Mask", "(null)", "Port", port, "Dynamic", dynamic, "Trunk", "no", "Encryption", "no", "Status", "UNKNOWN"}
	}
	if p.addr == "" {
		host, port = "-none-", "0"
	}
	return []string{"PeerEntry", "Channeltype", "SIP", "ObjectName", p.name, "ChanObjectType", "peer",
		"IPaddress", host, "IPport", port, "Dynamic", dynamic, "AutoForcerport", "yes", "ACL", "no", "Status", "Unmonitored", "RealtimeDevice", realtime}
}
