// Package dnssec signs answers at the moment they are given (RFC 4034, RFC
// 4035), and denies what does not exist by one NSEC record made for the
// question (compact denial, RFC 9824). It knows messages and keys. It must not
// know CoreDNS, or where the answers come from: it asks for the types that
// exist at a name. Begin with Signer.Sign.
package dnssec
