package record

import "net/netip"

// Asker is where a question comes from, as far as answers depend on it: the
// longest of the networks that nodes tell of which holds the address. Askers
// that are equal get equal answers. The zero Asker gets what is for everybody.
type Client struct{ Net netip.Prefix }

// within reports whether all of the asker's network lies in net.
func (a Client) within(net netip.Prefix) bool {
	return a.Net.IsValid() && net.Bits() <= a.Net.Bits() && net.Contains(a.Net.Addr())
}
