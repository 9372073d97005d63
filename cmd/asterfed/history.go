package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/urfave/cli/v2"
)

var historyCommand = &cli.Command{
	Name:      "history",
	Usage:     "show what changed for a number or name, or with --at where calls to it went then",
	ArgsUsage: "NAME [--at TIME]",
	Description: "Asks a node for TXT at NAME.history.ZONE, signed with the transfer key. Each node answers from\n" +
		"what it saw itself (property history). TIME is 14:03 or 14:03:20 (the last time it was that),\n" +
		"\"2026-11-25 14:03\", RFC 3339, or a duration such as 10m for ten minutes ago.\n\n" +
		"Exit code 1 means that nothing is recorded or, with --at, that calls went nowhere.",
	Flags: []cli.Flag{confFlag, serverFlag, command.JSONFlag,
		&cli.StringFlag{Name: "at", Usage: "where calls went at `TIME`"}},
	Action: pastOf,
}

func pastOf(c *cli.Context) error {
	owner, at, err := asked(c)
	if err != nil {
		return err
	}
	if when := c.String("at"); when != "" {
		t, err := momentOf(when, time.Now())
		if err != nil {
			return command.Usage(err)
		}
		list, err := at.txt(owner + "." + t.UTC().Format("20060102T150405Z") + ".history")
		if err != nil {
			return err
		}
		if !c.Bool("json") {
			fmt.Fprintf(c.App.Writer, "at %s\n", t.Format(time.RFC3339))
		}
		return printExplanation(c, owner+"."+at.cfg.Origin, list)
	}
	list, err := at.txt(owner + ".history")
	if err != nil {
		return err
	}
	return printChanges(c, list)
}

// momentOf reads a time as a person types it.
func momentOf(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(strings.TrimPrefix(s, "-")); err == nil {
		return now.Add(-d), nil
	}
	for _, form := range []string{"15:04", "15:04:05"} {
		if t, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			day := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())
			if day.After(now) {
				day = day.AddDate(0, 0, -1)
			}
			return day, nil
		}
	}
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return now, fmt.Errorf("time %q: want 14:03, \"2026-11-25 14:03\", RFC 3339, or 10m for ten minutes ago", s)
}

func printChanges(c *cli.Context, list []text) error {
	if len(list) < 2 {
		return command.No("nothing has changed for as long as the node remembers")
	}
	if c.Bool("json") {
		return command.PrintJSON(c, map[string]any{"whole": list[0], "changes": list[1:]})
	}
	t := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "AT\tCHANGE\tHOME\tKIND\tNAME\tSOURCE\tSTAMP")
	for _, e := range list[1:] {
		switch e["change"] {
		case "node":
			fmt.Fprintf(t, "%s\tnode\t%s\t%s, was %s\t\t\t\n", localTime(e["at"]), e["home"], e["is"], e["was"])
		case "start":
			fmt.Fprintf(t, "%s\tstart\t%s\tthis node began to run\t\t\t\n", localTime(e["at"]), list[0]["node"])
		case "gap":
			fmt.Fprintf(t, "%s\tgap\t%s\t%s changes are missing\t\t\t\n", localTime(e["at"]), list[0]["node"], e["is"])
		default:
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", localTime(e["at"]), e["change"], e["home"], e["k"], named(e), source(e),
				command.Dash(localTime(e["since"])))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if n := list[0]["dropped"]; n != "0" && n != "" {
		fmt.Fprintf(c.App.Writer, "%s changes of this node's past are missing: its disk was too slow or full\n", n)
	}
	return nil
}
