// Package ami is a client of the Asterisk Manager Interface: it connects, logs in,
// waits until Asterisk has started, and lets parts follow what they are about over
// one connection. It decides nothing about what Asterisk says.
//
// It sends Asterisk only the actions in one closed table (action.go), for the
// manager user's class "system" would allow far more than to list.
//
// Package registrations follows who is registered, package pbx follows trunks,
// rooms, queues and parked calls; package live asks what is going on at this
// moment; package amitest plays an Asterisk.
//
// Start reading at Client (client.go), then conn.go for the life of one
// connection and boot.go for how the start of Asterisk is noticed.
package ami
