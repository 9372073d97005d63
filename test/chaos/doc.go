// Package chaos breaks a federation on purpose and checks what its nodes
// answer all the while.
//
// Each node is a real asterfed process in a network namespace of its own, on
// one Ethernet switch, beside a simulated Asterisk (package amitest) that
// speaks the bytes of AMI and answers SIP OPTIONS in that namespace. Hundreds
// to thousands of users register, move, refresh and expire. A plan of faults,
// which a seed repeats, kills, stops, cuts off and fills up, while an observer
// asks every node where the users are. Each answer is held against the truth
// of its instant: where the phone registered last, and which nodes it could
// reach from there.
//
// Clocks are set within the nodes' processes (package clock): no namespace has a
// CLOCK_REALTIME of its own. A slow link is the kernel's token bucket, since
// not every kernel has netem.
//
// Root is needed, and ip, tc and nft. Start reading at Lab; the rules by which an
// answer is judged are in judge.go.
package chaos
