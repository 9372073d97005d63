// Package view is the merged view of every node's home zone: all bindings, by
// name, with the homes that publish them, what each home says of itself, and
// whether calls can go there. It ranks claims by when they were made, counts the
// empty non-terminals above names, and lists what has changed.
//
// A change goes one way: location.Store → primary.Primary (serial, journal) →
// Home.Apply; bindings of other homes come from package peer. Readers take no
// lock; a change costs the same in a zone of a thousand names and of a million.
// The package makes no answer: which claim a caller is sent to is for package
// answer to say. Start reading at View, then Home.
package view
