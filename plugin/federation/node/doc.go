// Package node is the life of one node of a federation: it starts, follows its
// Asterisk and the other nodes, and stops.
//
// Start opens the journal of the node's home zone, publishes what the sources know
// (package source), joins Serf, and connects to each other node (zone/peer). From
// then on the view (answer.Zone) has what every node publishes. Each part knows only
// what it needs:
//
//   - peers: a connection to each other node, and what its silence means;
//   - recovery: what a node that has lost its data gets back from its peers;
//   - replicas: the other nodes' home zones on disk;
//   - settling: when the node knows enough to say that a name does not exist;
//   - checkpoint: how far Asterisk was followed, over a restart;
//   - drain, expiry, tags, settings: as they are called;
//   - queries: the answers to Serf queries, from this node's Asterisk.
//
// The package answers no DNS query itself: package federation does, with what Node
// gives it. Start reading at Node, then Start.
package node
