// Package dnssec signs answers when they are given (RFC 4034, RFC 4035), and denies
// what does not exist by one NSEC record made for the question (compact denial, RFC
// 9824).
//
// It knows messages and keys. It must not know CoreDNS, or where the answers come
// from: it asks which types exist at a name. Start reading at Signer.Sign.
package dnssec
