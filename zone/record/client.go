package record

import "net/netip"

// Client is where a question comes from, as far as answers depend on it: the
// longest of the networks that nodes name which has the address. Clients that are
// equal get equal answers. The zero Client gets what is for everybody.
type Client struct{ Net netip.Prefix }

// within reports whether all of the client's network lies in net.
func (a Client) within(net netip.Prefix) bool {
	return a.Net.IsValid() && net.Bits() <= a.Net.Bits() && net.Contains(a.Net.Addr())
}
