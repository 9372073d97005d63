package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/urfave/cli/v2"
)

var usersCommand = &cli.Command{
	Name:      "users",
	Usage:     "list the users and their homes, registered or published",
	ArgsUsage: "[PATTERN]",
	Description: "Transfers every home zone from one node (AXFR, signed with the transfer key), and so shows\n" +
		"what that node answers from. PATTERN is a name with * and ?, in quotes: '10*'.",
	Flags:  listFlags,
	Action: users,
}

var listFlags = []cli.Flag{confFlag, serverFlag, command.JSONFlag,
	&cli.StringSliceFlag{Name: "node", Usage: "only the home zone of `NODE`"}}

// held is a binding and its home.
type held struct {
	location.Binding
	home string
}

// list returns the bindings of all homes that fit and whose names match the
// argument, by name, the newest claim first.
func list(c *cli.Context, fits func(location.Kind) bool) ([]held, error) {
	pattern, err := command.Optional(c, "*")
	if err != nil {
		return nil, err
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, command.Usagef("pattern %q: want a name with * and ? in it", pattern)
	}
	cfg, err := local(c)
	if err != nil {
		return nil, err
	}
	at, err := server(c, cfg)
	if err != nil {
		return nil, err
	}
	nodes := c.StringSlice("node")
	if len(nodes) == 0 {
		if nodes, err = nodeNames(cfg); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(c.Context, 30*time.Second)
	defer cancel()
	var all []held
	var missing []string
	for _, node := range nodes {
		t, err := peer.Fetch(ctx, at, record.HomeZone(node, cfg.Origin), cfg.Origin, cfg.Key)
		if err != nil {
			fmt.Fprintf(c.App.ErrWriter, "%s: %v\n", node, err)
			missing = append(missing, node)
			continue
		}
		for _, b := range t.Bindings {
			if ok, _ := path.Match(pattern, string(b.AOR)); ok && fits(b.Kind) {
				all = append(all, held{b, node})
			}
		}
	}
	slices.SortFunc(all, func(a, b held) int {
		if d := strings.Compare(a.AOR.Fold(), b.AOR.Fold()); d != 0 {
			return d
		}
		if d := cmp.Compare(b.Stamp, a.Stamp); d != 0 { // newest first
			return d
		}
		return strings.Compare(a.home, b.home)
	})
	if len(missing) > 0 {
		return all, command.Silent(fmt.Errorf("%s did not transfer the home zone of %s", at, strings.Join(missing, ", ")))
	}
	return all, nil
}

func users(c *cli.Context) error {
	all, err := list(c, func(k location.Kind) bool { return k.Named() && k != location.Entry })
	if all == nil && err != nil {
		return err
	}
	out := command.NewListing("USER", "HOME", "KIND", "SINCE")
	for _, u := range all {
		out.Add(string(u.AOR), u.home, u.Kind.String(), sinceOf(u.Stamp))
	}
	return errors.Join(out.Print(c), err)
}

// sinceOf is the time of a claim, zero for one that was there before anybody
// watched.
func sinceOf(s location.Stamp) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return s.Time()
}
