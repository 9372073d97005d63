package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/urfave/cli/v2"
)

var publishedCommand = &cli.Command{
	Name:      "published",
	Usage:     "list what is published beside registrations: numbers, prefixes, trunks and so on",
	ArgsUsage: "[PATTERN]",
	Description: "Transfers the home zone of every node from the node it asks (AXFR, signed with the\n" +
		"transfer key). Numbers stand there without \"+\".",
	Flags:  listFlags,
	Action: published,
}

func published(c *cli.Context) error {
	all, err := list(c, func(k location.Kind) bool { return !k.Registered() })
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tNAME\tTO\tHOME\tUSER\tCOST\tEXPIRES\tDISPLAY NAME")
	for _, b := range all {
		d := b.Info.Details()
		ends := "never"
		if d.Expires != 0 {
			ends = time.Unix(d.Expires, 0).Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", b.Kind, b.AOR, dash(d.To), b.home, dash(string(cmp.Or(d.Target, d.Of))), d.Cost, ends, dash(d.Name))
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
