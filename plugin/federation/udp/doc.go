// Package udp is one UDP socket that answers what it can by itself, many
// datagrams to a system call (recvmmsg, sendmmsg), and gives all others to
// whoever reads from it. It stands beside another server's sockets on the same
// address and takes their datagrams (SO_REUSEPORT).
//
// It knows sockets and nothing of what is in a datagram: an Answer says what
// to reply. Start reading at Conn.
package udp
