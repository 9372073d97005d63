// Package pbx follows, over AMI, what calls can go to besides users: trunks (the
// devices they lead through, and their outbound registrations), conference rooms,
// queues and parked calls. Trunks and Services are parts of an ami.Client. The
// package knows no DNS and no file: a watcher names what matters and receives what
// was found.
//
// Start reading at Trunks (trunks.go) and Services (services.go).
package pbx
