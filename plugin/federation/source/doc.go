// Package source publishes in the home zone what is known to live on this node:
//
//   - Registrations: what Asterisk has registered, as package ami reports it;
//   - Directory: what the directory's file adds, such as numbers and names;
//   - Trunks: the trunks of a file, while Asterisk can use them;
//   - Services: conference rooms, queues and parked calls, while they are there.
//
// Each source owns the bindings that it has published, and withdraws no others. A
// file that is read again (Reread) replaces what it published before; one that
// cannot be read changes nothing.
//
// The package answers no queries and knows no other node. Start reading at
// Registrations, then Directory.
package source
