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
	Usage:     "list the registered users and their homes",
	ArgsUsage: "[PATTERN]",
	Description: "Transfers the home zone of every node from the node it asks (AXFR, signed with the\n" +
		"transfer key), so that it shows what that node answers from.",
	Flags: []cli.Flag{confFlag, serverFlag,
		&cli.StringSliceFlag{Name: "node", Usage: "only the home zone of `NODE`"}},
	Action: users,
}

type user struct {
	aor   location.AOR
	home  string
	tech  location.Kind
	stamp location.Stamp
}

func users(c *cli.Context) error {
	cfg, err := local(c)
	if err != nil {
		return err
	}
	pattern := "*"
	if c.NArg() > 0 {
		pattern = c.Args().First()
	}
	nodes := c.StringSlice("node")
	if len(nodes) == 0 {
		if nodes, err = nodeNames(cfg.RPC); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(c.Context, 30*time.Second)
	defer cancel()
	var all []user
	for _, node := range nodes {
		t, err := xfr.Fetch(ctx, server(c, cfg), zone.HomeZone(node, cfg.Origin), cfg.Origin, cfg.Key)
		if err != nil {
			fmt.Fprintf(c.App.ErrWriter, "%s: %v\n", node, err)
			continue
		}
		for _, b := range t.Bindings {
			if ok, _ := path.Match(pattern, string(b.AOR)); ok {
				all = append(all, user{b.AOR, node, b.Kind, b.Stamp})
			}
		}
	}
	slices.SortFunc(all, func(a, b user) int {
		if d := strings.Compare(a.aor.Fold(), b.aor.Fold()); d != 0 {
			return d
		}
		if d := cmp.Compare(b.stamp, a.stamp); d != 0 { // newest first
			return d
		}
		return strings.Compare(a.home, b.home)
	})
	w := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "USER\tHOME\tTECH\tREGISTERED")
	for _, u := range all {
		since := "before this was watched"
		if u.stamp != 0 {
			since = u.stamp.Time().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.aor, u.home, u.tech, since)
	}
	return w.Flush()
}
