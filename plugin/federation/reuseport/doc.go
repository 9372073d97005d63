// Package reuseport decides which of several sockets of one process, all open on one
// address with SO_REUSEPORT, gets what arrives: those of another server in the process,
// which were there first, or ours beside them.
//
// It knows sockets and nothing of what they carry. Start reading at Group.
package reuseport
