// Package history keeps the changes that a view reports, on disk and within bounds
// of age and size, and answers where calls to a name went at an earlier time.
//
// A Log accepts changes without ever waiting for the disk: they go through a bounded
// queue, and what does not fit is counted and recorded as a gap. Once a second the
// queue is written as one compressed chunk of text into a bbolt file, in one
// transaction, so that a killed process loses a second at most. The oldest chunks
// are deleted first. Each record has the state before and after the change, so that
// it can be read without those that were deleted or dropped.
//
// Answers are not kept; they are found again: the claims and homes of that time are
// put into a view of their own, which ranks them with today's code.
//
// The package knows no sockets and no CoreDNS. Start reading at Log (log.go), then
// entry.go for the form on disk, and past.go for the questions.
package history
