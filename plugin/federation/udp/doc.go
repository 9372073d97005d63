// Package udp is one UDP socket that answers what it can by itself, many datagrams to
// a system call (recvmmsg, sendmmsg), and gives all others to its reader. It is opened
// beside another server's sockets on the same address and receives their datagrams
// (package reuseport).
//
// It knows sockets and nothing about what is in a datagram: an Answer says what to
// reply. Start reading at Conn.
package udp
