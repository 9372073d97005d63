// Package live asks an Asterisk, over a connection of its own, what is going on
// there at this moment: calls, contacts, trunks. Nothing that it learns is
// published.
//
// Start reading at Live (live.go), then inquiry.go for one question.
package live
