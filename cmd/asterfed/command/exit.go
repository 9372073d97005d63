package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// The exit codes of every command, so that a script need not know which one it
// runs.
const (
	ExitNo     = 1 // the answer is no: not found, refused, differs, or a person is needed
	exitUsage  = 2 // the command line or the Corefile is wrong; nothing was asked
	ExitSilent = 3 // there is no answer: the node is not reachable, or does not know yet
)

// ExitCodes is what the help says about them.
const ExitCodes = `Exit codes of every command: 0 done, or found; 1 the answer is no (not found, refused,
nodes that differ, something that needs a person); 2 the command line or the Corefile is
wrong; 3 no answer (the node cannot be reached, or does not know yet).`

// Usage is an error of the command line or of the Corefile.
func Usage(err error) error { return cli.Exit(err, exitUsage) }

func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// No is a negative answer.
func No(format string, args ...any) error { return cli.Exit(fmt.Errorf(format, args...), ExitNo) }

// Silent means that there is no answer.
func Silent(err error) error { return cli.Exit(err, ExitSilent) }

// Code returns the exit code of an error that a command returned.
func Code(err error) int {
	var c cli.ExitCoder
	if errors.As(err, &c) {
		return c.ExitCode()
	}
	return ExitNo
}

// Strict makes a wrong option or command an error of usage, at a command and all
// below it. The library would print the whole help instead.
func Strict(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = func(ctx *cli.Context, err error, _ bool) error { return Usage(wrongOption(ctx.Command, err)) }
		if c.ArgsUsage == "" && c.Action != nil && len(c.Subcommands) == 0 {
			c.Action = alone(c.Action)
		}
		if len(c.Subcommands) > 0 {
			Strict(c.Subcommands)
			c.HideHelpCommand = true
			if own := c.Action; own == nil {
				c.Action = Unknown
			} else {
				c.Action = func(ctx *cli.Context) error {
					if name := ctx.Args().First(); name != "" && name[0] != '-' {
						return Unknown(ctx)
					}
					return own(ctx)
				}
			}
		}
	}
}

// alone is the action of a command that takes no arguments.
func alone(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := Arguments(c)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			return Usagef("%s: want no argument, got %q", c.Command.Name, args[0])
		}
		return action(c)
	}
}

// wrongOption says what is wrong with an option, in the words of the help.
func wrongOption(c *cli.Command, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return fmt.Errorf("unknown option %s%s; see asterfed %s --help", dashed(strings.TrimLeft(name, "-")), suggestion(name, optionNames(c)), c.FullName())
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return fmt.Errorf("option %s needs a value", dashed(strings.TrimLeft(name, "-")))
	}
	return errors.New(text)
}

func optionNames(c *cli.Command) (names []string) {
	for _, f := range c.Flags {
		names = append(names, f.Names()...)
	}
	return names
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Unknown is the action of asterfed, and of a command with commands below it,
// where none of these was named.
func Unknown(c *cli.Context) error {
	var names []string
	for _, sub := range c.App.VisibleCommands() {
		names = append(names, sub.Name)
	}
	if c.Command != nil && len(c.Command.Subcommands) > 0 {
		names = nil
		for _, sub := range c.Command.Subcommands {
			names = append(names, sub.Name)
		}
	}
	if c.NArg() == 0 {
		return Usagef("a command is missing: want one of %s", strings.Join(names, ", "))
	}
	name := c.Args().First()
	if name == "help" {
		return Usagef("help is an option: asterfed --help, or after a command: asterfed serve --help")
	}
	return Usagef("unknown command %q%s; want one of %s", name, suggestion(name, names), strings.Join(names, ", "))
}

// suggestion names the one that is a typing error away, or has the word as its
// beginning, and nothing where there is none.
func suggestion(word string, names []string) string {
	best, least := "", 3
	for _, n := range names {
		d := distance(word, n)
		if len(word) > 2 && strings.HasPrefix(n, word) {
			d = 1
		}
		if d < least && d < len(n)-1 {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour that make b out of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
