package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/xfr"
	"github.com/urfave/cli/v2"
)

var usersCommand = &cli.Command{
	Name:      "users",
	Usage:     "list the users and their homes, registered or published",
	ArgsUsage: "[PATTERN]",
	Description: "Transfers the home zone of every node from the node it asks (AXFR, signed with the\n" +
		"transfer key), so that it shows what that node answers from.",
	Flags:  listFlags,
	Action: users,
}

var listFlags = []cli.Flag{confFlag, serverFlag,
	&cli.StringSliceFlag{Name: "node", Usage: "only the home zone of `NODE`"}}

// held is a binding and its home.
type held struct {
	location.Binding
	home string
}

// list returns the bindings of all homes that fit and whose names match the
// argument, by name, the newest claim first.
func list(c *cli.Context, fits func(location.Kind) bool) ([]held, error) {
	cfg, err := local(c)
	if err != nil {
		return nil, err
	}
	pattern := "*"
	if c.NArg() > 0 {
		pattern = c.Args().First()
	}
	nodes := c.StringSlice("node")
	if len(nodes) == 0 {
		if nodes, err = nodeNames(cfg.RPC); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(c.Context, 30*time.Second)
	defer cancel()
	var all []held
	for _, node := range nodes {
		t, err := xfr.Fetch(ctx, server(c, cfg), zone.HomeZone(node, cfg.Origin), cfg.Origin, cfg.Key)
		if err != nil {
			fmt.Fprintf(c.App.ErrWriter, "%s: %v\n", node, err)
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
	return all, nil
}

func users(c *cli.Context) error {
	all, err := list(c, func(k location.Kind) bool { return k.Named() && k != location.Entry })
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "USER\tHOME\tKIND\tSINCE")
	for _, u := range all {
		since := "before this was watched"
		if u.Stamp != 0 {
			since = u.Stamp.Time().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.AOR, u.home, u.Kind, since)
	}
	return w.Flush()
}
