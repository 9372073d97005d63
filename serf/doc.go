// Package serf runs the Serf agent of a node. It knows who is a member, who
// failed or left, what tags members carry, how far apart they are, and which
// gossip keys are in use. Its RPC is Serf's own, so the stock serf command lists
// members, joins, leaves and rotates keys.
//
// Package gate, below it, decides who becomes a member and bounds what those can
// spend who have no key.
//
// It is the only package that knows github.com/hashicorp/serf. It knows
// nothing of DNS, of registrations or of zones, and gossip never carries one:
// the gossip key proves a group, not a node.
//
// Start reading at Config, then Start; Dial is the client side.
package serf
