// Package lab runs the example of examples/three-nodes on one machine: every
// node in a network namespace of its own with a real Asterisk, its asterfed and
// its /etc/resolv.conf, all on one Ethernet switch, and phones (SIPp) in a
// namespace beside them.
//
// It knows processes, namespaces and command lines, and nothing of asterfed
// beyond "asterfed serve -conf Corefile". Whoever asserts on it uses what an
// operator has: Asterisk's command line, dig, and the calls themselves.
//
// It needs root, and the packages and root file systems that install.sh
// provides. Names carry the process id, so that labs do not collide; a lab
// whose process has died is removed by the next one. Start reading at Lab.
package lab
