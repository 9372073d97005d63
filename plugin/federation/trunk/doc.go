// Package trunk knows which trunks a node has and where they lead, from a CSV
// file, and what of that is published while Asterisk can use them.
//
// It reads no network and keeps nothing: whether a device works, package ami
// says.
package trunk
