package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/urfave/cli/v2"
)

var explainCommand = &cli.Command{
	Name:      "explain",
	Usage:     "show why calls to a number or name go where they go, and what was passed over",
	ArgsUsage: "NAME",
	Description: "Asks a node for TXT at NAME.explain.ZONE, signed with the transfer key; the node answers with\n" +
		"what its own ranking did. NAME is a number (+97231231001, \"+49 30 1234-501\", 1001), a user\n" +
		"(alice), or berlin.trunks and the like.\n\n" +
		"Exit code 1 means that calls go nowhere, 3 that the node is silent.",
	Flags:  []cli.Flag{confFlag, serverFlag, command.JSONFlag},
	Action: explain,
}

func explain(c *cli.Context) error {
	owner, at, err := asked(c)
	if err != nil {
		return err
	}
	list, err := at.txt(owner + ".explain")
	if err != nil {
		return err
	}
	return printExplanation(c, owner+"."+at.cfg.Origin, list)
}

// printExplanation prints the records of an explanation: the whole, then each
// claim.
func printExplanation(c *cli.Context, qname string, list []text) error {
	w := c.App.Writer
	if len(list) == 0 {
		return fmt.Errorf("%s: the answer has no records", qname)
	}
	head := list[0]
	if c.Bool("json") {
		if err := command.PrintJSON(c, map[string]any{"name": strings.TrimSuffix(qname, "."), "whole": head, "claims": list[1:]}); err != nil {
			return err
		}
		return nowhere(qname, head)
	}
	fmt.Fprintf(w, "%s at %s: %s", strings.TrimSuffix(qname, "."), head["node"], meant[head["answer"]])
	for _, s := range []struct{ key, format string }{{"found", ", found as a %s"}, {"infull", ", dialled for %s"},
		{"delegated", " %s"}, {"order", ", order %s"}} {
		if head[s.key] != "" {
			fmt.Fprintf(w, s.format, head[s.key])
		}
	}
	fmt.Fprintln(w)
	for _, key := range []string{"note", "past"} {
		if head[key] != "" {
			fmt.Fprintln(w, head[key])
		}
	}
	if len(list) > 1 {
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "PREF\tHOME\tCALLS TO\tKIND\tNAME\tSOURCE\tSINCE\tRULE\tWHY")
		for _, c := range list[1:] {
			user := command.Dash(c["user"])
			if c["pref"] != "" && c["user"] == "" {
				user = "as dialled"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", command.Dash(c["pref"]), c["home"], user, c["k"], named(c), source(c),
				command.Dash(localTime(c["since"])), c["rule"], c["why"])
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nowhere(qname, head)
}

// nowhere is the error of an explanation by which calls go nowhere.
func nowhere(qname string, head text) error {
	switch head["answer"] {
	case "NAPTR":
		return nil
	case "SERVFAIL", "":
		return command.Silent(fmt.Errorf("%s: %s does not know yet", strings.TrimSuffix(qname, "."), head["node"]))
	}
	return command.No("calls to %s go nowhere", strings.TrimSuffix(qname, "."))
}

// named is the name of a claim, and the name to display, if it has one.
func named(c text) string {
	if c["display"] != "" {
		return fmt.Sprintf("%s %q", c["name"], c["display"])
	}
	return c["name"]
}

// meant says what an answer means for calls.
var meant = map[string]string{
	"NAPTR":    "calls go somewhere",
	"NODATA":   "known, but calls go nowhere (NODATA)",
	"NXDOMAIN": "not known (NXDOMAIN)",
	"SERVFAIL": "not known yet: the node has not heard of all others (SERVFAIL)",
	"referral": "delegated to another federation:",
	"":         "no answer",
}

// source says where a claim comes from, an update with the name of its key.
func source(c text) string {
	if c["key"] != "" {
		return c["source"] + " by " + c["key"]
	}
	return c["source"]
}
