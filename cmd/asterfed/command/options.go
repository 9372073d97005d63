package command

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// Arguments returns the arguments of a command. Options may stand behind them as
// well, up to "--".
func Arguments(c *cli.Context) ([]string, error) {
	var args []string
	rest := c.Args().Slice()
	for i := 0; i < len(rest); i++ {
		if rest[i] == "--" {
			args = append(args, rest[i+1:]...)
			break
		}
		word := strings.TrimLeft(rest[i], "-")
		if word == rest[i] || word == "" {
			args = append(args, rest[i])
			continue
		}
		name, val, given := strings.Cut(word, "=")
		switch option := optionOf(c.Command, name).(type) {
		case nil:
			return nil, Usage(wrongOption(c.Command, fmt.Errorf("flag provided but not defined: -%s", name)))
		case *cli.BoolFlag:
			if !given {
				val = "true"
			}
		default:
			if !given {
				if i++; i == len(rest) {
					return nil, Usagef("option %s needs a value", dashed(option.Names()[0]))
				}
				val = rest[i]
			}
		}
		if err := c.Set(name, val); err != nil {
			return nil, Usagef("option %s: %w", dashed(name), err)
		}
	}
	return args, nil
}

// OneName returns the one argument of a command that wants a NAME.
func OneName(c *cli.Context) (string, error) {
	args, err := Arguments(c)
	if err != nil {
		return "", err
	}
	if len(args) != 1 {
		return "", Usagef("%s: want one NAME, such as 1001, alice, +97231234000 or berlin.trunks", c.Command.Name)
	}
	return args[0], nil
}

// Optional returns the one argument of a command that may have one, or what
// stands for it.
func Optional(c *cli.Context, otherwise string) (string, error) {
	args, err := Arguments(c)
	switch {
	case err != nil:
		return "", err
	case len(args) == 0:
		return otherwise, nil
	case len(args) > 1:
		return "", Usagef("%s: want one %s at most, got %d (put quotes around a pattern)", c.Command.Name, c.Command.ArgsUsage, len(args))
	}
	return args[0], nil
}

func optionOf(c *cli.Command, name string) cli.Flag {
	for _, f := range c.Flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}
