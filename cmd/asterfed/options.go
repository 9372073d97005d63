package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// options takes the options that stand behind the arguments, and returns the
// arguments without them.
func options(c *cli.Context) ([]string, error) {
	var args []string
	rest := c.Args().Slice()
	for i := 0; i < len(rest); i++ {
		name, ok := strings.CutPrefix(rest[i], "--")
		if !ok || name == "" {
			args = append(args, rest[i])
			continue
		}
		name, val, given := strings.Cut(name, "=")
		if !given {
			if i++; i == len(rest) {
				return nil, fmt.Errorf("option --%s needs a value", name)
			}
			val = rest[i]
		}
		if err := c.Set(name, val); err != nil {
			return nil, fmt.Errorf("option --%s: %w", name, err)
		}
	}
	return args, nil
}
