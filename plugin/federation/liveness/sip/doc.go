// Package sip asks a SIP server whether it is alive: one OPTIONS request
// (RFC 3261 §11), any response will do. It knows nothing of what the answer
// is used for.
package sip
