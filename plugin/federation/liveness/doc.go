// Package liveness finds out whether SIP servers take calls: Monitor that of this
// node, a Detector that of each other node.
//
// What counts is SIP: any response to OPTIONS proves a server alive. That AMI,
// Serf or DNS over TCP is silent is a reason to ask, never a proof.
//
// Monitor writes its verdict into the apex of the home zone (record.NodeState), so
// that all nodes learn it. Detector writes its verdict into the view of this node
// alone (zone.Reach), since another node may reach what this one does not.
//
// The package opens no listener and knows neither Serf nor zone transfers: they
// report to it. Start reading at Detector, then Monitor.
package liveness
