// Package command has what the commands of asterfed share on the command line:
// exit codes, options on either side of the arguments, tables and JSON, and a
// question to a node. It must not know what a command does. Start reading at
// exit.go.
package command
