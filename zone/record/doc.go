// Package record is the form in which nodes tell each other what they have: the
// owner names and TXT records of a home zone (docs/records.md), the text of a
// binding in a journal, the versions and digests by which two copies are
// compared, and what a node says of itself.
//
// Whatever a peer or a file sends is checked here. The package knows no view
// and no answer: it turns a binding into a record, and a record into a binding.
// Start reading at TXT and ParseTXT, then Node.
package record
