// Package amitest plays an Asterisk: it speaks the bytes of the Asterisk
// Manager Interface as versions 16 and 22 do, holds registrations, and
// answers SIP OPTIONS.
//
// It stands in for a real Asterisk in tests, in the demo and under load. It
// keeps the traits that make a real one difficult: a refresh sends no event,
// a replaced contact is announced before the old one is removed, expired
// contacts are listed until the next check, an empty list looks like a
// refusal, a starting server announces all its contacts before FullyBooted.
//
// Every action received is recorded; one outside the closed list of package
// ami is an error, see Server.Errors. Start reading at Server.
package amitest
