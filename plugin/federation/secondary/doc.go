// Package secondary sends NOTIFY (RFC 1996) to the name servers of others that follow
// the federation zone.
//
// It knows serials and addresses; what is transferred is for package zone/outbound.
// Start reading at Notifiers.
package secondary
