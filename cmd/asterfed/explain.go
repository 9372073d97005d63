package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

var explainCommand = &cli.Command{
	Name:      "explain",
	Usage:     "tell why calls to a number or name go where they go, and what was passed over",
	ArgsUsage: "NAME",
	Description: "Asks a node for TXT at NAME.explain.ZONE, signed with the transfer key: the node says what its\n" +
		"own ranking did. NAME is a number (+97231231001, 1001), a user (alice), or berlin.trunks and the like.\n\n" +
		"Ends with 0 if calls go somewhere, 1 if they do not, 3 without an answer.",
	Flags:  []cli.Flag{confFlag, serverFlag},
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
	return printExplanation(c.App.Writer, owner+"."+at.cfg.Origin, list)
}

// printExplanation prints the records of an explanation: the whole, then each
// claim.
func printExplanation(w io.Writer, qname string, list []text) error {
	if len(list) == 0 {
		return fmt.Errorf("%s: the answer has no records", qname)
	}
	head := list[0]
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
			user := dash(c["user"])
			if c["pref"] != "" && c["user"] == "" {
				user = "as dialled"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", dash(c["pref"]), c["home"], user, c["k"], c["name"], source(c),
				dash(localTime(c["since"])), c["rule"], c["why"])
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if head["answer"] != "NAPTR" {
		return cli.Exit("calls to "+strings.TrimSuffix(qname, ".")+" go nowhere", 1)
	}
	return nil
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
