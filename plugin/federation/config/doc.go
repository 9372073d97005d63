// Package config turns a federation block of a Corefile into a Config.
//
// Every property has its parser here and nowhere else; a new property touches the
// table in parse.go and the package that uses it. Errors name file, line, the bad
// word and what was expected. Key files, the directory and the table of trunks are
// read, so that `asterfed serve --check` finds mistakes in them too; nothing is
// opened, bound or written.
//
// Start reading at Config, then at the table properties.
package config
