package main

import (
	"cmp"
	"errors"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/urfave/cli/v2"
)

var publishedCommand = &cli.Command{
	Name:      "published",
	Usage:     "list what is published besides registrations: numbers, prefixes, trunks and so on",
	ArgsUsage: "[PATTERN]",
	Description: "Transfers every home zone from one node (AXFR, signed with the transfer key). PATTERN is a\n" +
		"name with * and ?, in quotes; numbers have no \"+\" there: '972*'.",
	Flags:  listFlags,
	Action: published,
}

func published(c *cli.Context) error {
	all, err := list(c, func(k location.Kind) bool { return !k.Registered() })
	if all == nil && err != nil {
		return err
	}
	out := command.NewListing("KIND", "NAME", "TO", "HOME", "USER", "COST", "EXPIRES", "DISPLAY NAME")
	for _, b := range all {
		d := b.Info.Details()
		var ends any = "never"
		if d.Expires != 0 {
			ends = time.Unix(d.Expires, 0)
		}
		out.Add(b.Kind.String(), string(b.AOR), d.To, b.home, string(cmp.Or(d.Target, d.Of)), int(d.Cost), ends, d.Name)
	}
	return errors.Join(out.Print(c), err)
}
