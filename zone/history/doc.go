// Package history keeps what a view has told of its changes, on disk and within
// bounds of age and size, and answers where calls to a name went at a time.
//
// A Log takes changes without ever waiting for the disk: they go through a
// bounded queue, and what does not fit is counted and told as a gap. Once a
// second what has come is written as one compressed chunk of text into a bbolt
// file, in one transaction, so that a killed process loses a second at most. The
// oldest chunks go first. Each record holds what was there before and after, so
// that it is understood without those that were pruned or dropped.
//
// What was answered is not kept but found out: the claims and homes of that
// time are put into a view of their own, which ranks them with today's code.
//
// The package knows no sockets and no CoreDNS. Start reading at Log (log.go),
// then entry.go for the form on disk, and past.go for the questions.
package history
