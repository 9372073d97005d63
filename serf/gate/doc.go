// Package gate stands between the gossip port and Serf. It decides who becomes a
// member, bounds what those can spend who have no key, and says in the log what
// matters of all that Serf and memberlist say.
//
//   - Admission refuses members of other federations, and a second node of this
//     node's name.
//   - Transport bounds incoming connections and their octets.
//   - NewLog bounds and sorts the lines of Serf and memberlist.
//   - WatchKeys logs who changes the gossip keys.
//
// It knows memberlist and what Serf sends through it, and nothing of the agent
// behind it. memberlist calls most of it under its own locks, so nothing here may
// call back. Start reading at Admission.
package gate
