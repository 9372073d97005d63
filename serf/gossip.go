package serf

import (
	"fmt"
	"io"
	"log"
	"net/netip"

	"github.com/hashicorp/memberlist"
)

// listenGossip opens the gossip sockets before Serf starts, so that a port in
// use leaves nothing half started.
func listenGossip(bind string, out io.Writer) (*memberlist.NetTransport, error) {
	addr, err := netip.ParseAddrPort(bind)
	if err != nil {
		return nil, fmt.Errorf("parse gossip address %q: %w", bind, err)
	}
	for try := 1; ; try++ {
		t, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{addr.Addr().String()},
			BindPort:  int(addr.Port()),
			Logger:    log.New(out, "", log.LstdFlags),
		})
		if err == nil {
			return t, nil
		}
		// A port that the kernel picked for TCP may be taken for UDP.
		if addr.Port() != 0 || try == 10 {
			return nil, listenError("gossip", bind, err)
		}
	}
}
