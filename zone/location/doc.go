// Package location keeps what one home knows: which contacts are registered
// for which address-of-record (AOR), and since when.
//
// Its words are those of RFC 3261 §10: a registrar binds an AOR to contacts.
// Here a Binding ties an AOR to the node where it lives, its home. Every
// binding has exactly one writer, the home's Store.
//
// The package knows nothing of DNS, of AMI or of other nodes; a newer claim of
// another home reaches it as a plain Stamp. Start reading at Binding, then
// Store.
package location
