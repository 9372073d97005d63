// Package datadir owns a node's data directory: who may use it, and how a file
// in it is replaced.
//
// One process uses a directory at a time. Lock comes before anything in the
// directory is read, since a node that starts also repairs: it sets aside what
// it cannot read, cuts off torn ends and rewrites. A process that does this
// beside a running one destroys what that one has acknowledged.
//
// A file is replaced as a whole, never written in place: Replace for a file that
// is complete then, ReplaceOpen for one that more is appended to. The Durability
// at the call says what the new content survives:
//
//   - Atomic costs no disk write that is waited for. It is for what can be
//     learned again, or is void after a crash of the machine anyway: copies of
//     other nodes' zones, checkpoints, remembered signatures.
//   - Durable returns when content and name are on the disk. It is for what a
//     client was told, or what must never go backwards: the journal, serials,
//     keys, the list of peers.
//
// The package knows no DNS and no format. Start reading at Lock.
package datadir
