package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/urfave/cli/v2"
)

var askCommand = &cli.Command{
	Name:  "ask",
	Usage: "ask every Asterisk what it is doing now: status, channels, users, trunks; verify compares it with DNS",
	Description: "One Serf query reaches all nodes, and each answers from its own Asterisk, as `serf query\n" +
		"federation:status` shows. An answer has at most 800 octets; \"more=N\" says how many entries did\n" +
		"not fit, and --all asks each node over DNS instead (AXFR, TXT; signed with the transfer key).\n\n" +
		"Exit code 3 means that a node did not answer; the others are shown.",
	Subcommands: []*cli.Command{
		asking("status", "what each Asterisk is doing", "calls", "processed", "bindings"),
		asking("channels", "the channels that are up", "channels"),
		asking("users", "who is registered", "users", "contacts"),
		asking("trunks", "the trunks that each Asterisk can use now, and those it cannot", "trunks", "down"),
		verifyCommand,
	},
}

// asking is the command that puts one question, and adds up some keys.
func asking(what, use string, sums ...string) *cli.Command {
	flags := []cli.Flag{confFlag, rpcFlag, rpcKeyFlag, command.JSONFlag,
		&cli.DurationFlag{Name: "timeout", Value: 2 * time.Second, Usage: "wait `DURATION` for the answers"}}
	if what == "channels" || what == "users" {
		flags = append(flags, &cli.BoolFlag{Name: "all", Usage: "list every one, over DNS"})
	}
	return &cli.Command{Name: what, Usage: use, Flags: flags, Action: withRPC(func(c *cli.Context, rpc *serf.Client) error {
		members, err := rpc.Members()
		if err != nil {
			return err
		}
		up := alive(members)
		list, err := everyone(rpc, "federation:"+what, up, c.Duration("timeout"))
		if err != nil {
			return err
		}
		missing := printAnswers(c, list, members, sums)
		if c.Bool("all") && !c.Bool("json") {
			if err := everything(c, what, up); err != nil {
				return err
			}
		}
		if len(missing) > 0 {
			return command.Silent(errors.New("no answer from " + strings.Join(missing, ", ")))
		}
		return nil
	})}
}

// everyone puts a query to all, and once more to those who have not answered:
// Serf sends each answer in one datagram.
func everyone(rpc *serf.Client, query string, up []serf.Member, limit time.Duration) ([]serf.Response, error) {
	list, err := rpc.Query(query, nil, len(up), limit)
	var missing []string
	for _, m := range up {
		if !slices.ContainsFunc(list, func(r serf.Response) bool { return r.From == m.Name }) {
			missing = append(missing, m.Name)
		}
	}
	if err != nil || len(missing) == 0 || len(list) == 0 {
		return list, err
	}
	again, err := rpc.Query(query, missing, len(missing), limit)
	list = append(list, again...)
	slices.SortFunc(list, func(a, b serf.Response) int { return strings.Compare(a.From, b.From) })
	return list, err
}

// alive are the members that should answer, by name.
func alive(members []serf.Member) (out []serf.Member) {
	for _, m := range members {
		if m.Status == serf.StatusAlive && m.Tags["zone"] != "" {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b serf.Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// printAnswers prints what each node has answered, the sums, and who has not;
// it returns the names of those.
func printAnswers(c *cli.Context, list []serf.Response, members []serf.Member, sums []string) (missing []string) {
	total := map[string]int{}
	t := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	var objects []map[string]string
	for _, r := range list {
		fmt.Fprintf(t, "%s\t%s\n", command.Clean(r.From), command.Clean(string(r.Payload)))
		objects = append(objects, wordsOf(r))
		for key, val := range wordsOf(r) {
			if n, err := strconv.Atoi(val); err == nil {
				total[key] += n
			}
		}
	}
	for _, m := range members {
		answered := slices.ContainsFunc(list, func(r serf.Response) bool { return r.From == m.Name })
		if !answered && m.Status != serf.StatusLeft {
			fmt.Fprintf(t, "%s\tno answer (%s)\n", m.Name, m.Status)
			objects = append(objects, map[string]string{"node": m.Name, "error": "no answer", "member": m.Status.String()})
			missing = append(missing, m.Name)
		}
	}
	slices.Sort(missing)
	if c.Bool("json") {
		command.PrintJSON(c, objects)
		return missing
	}
	var words []string
	for _, key := range sums {
		words = append(words, fmt.Sprintf("%s=%d", key, total[key]))
	}
	fmt.Fprintf(t, "total\tnodes=%d %s\n", len(list), strings.Join(words, " "))
	t.Flush()
	return missing
}

// wordsOf returns the key=value words of an answer, and the node that gave it.
func wordsOf(r serf.Response) map[string]string {
	out := map[string]string{}
	for word := range strings.FieldsSeq(string(r.Payload)) {
		key, val, _ := strings.Cut(word, "=")
		out[key] = val
	}
	out["node"] = r.From
	return out
}

// everything lists all channels or contacts of every node, over DNS.
func everything(c *cli.Context, what string, nodes []serf.Member) error {
	cfg, err := local(c)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	for _, m := range nodes {
		at := atNode{cfg, m.Tags["dns"]}
		if what == "channels" {
			err = at.allChannels(t, m.Name)
		} else {
			err = at.allContacts(c.Context, t, m.Name)
		}
		if err != nil {
			fmt.Fprintf(c.App.ErrWriter, "%s: %v\n", m.Name, err)
		}
	}
	return t.Flush()
}

func (n atNode) allChannels(w io.Writer, node string) error {
	list, err := n.txt("channels." + node + ".live")
	if err != nil {
		return err
	}
	for _, ch := range list[1:] {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%ss\n", node, ch["channel"], ch["state"], ch["from"], ch["to"], ch["exten"], ch["seconds"])
	}
	if shown := len(list) - 1; list[0]["channels"] != strconv.Itoa(shown) {
		fmt.Fprintf(w, "%s\t%s channels, %d shown\n", node, list[0]["channels"], shown)
	}
	return nil
}

func (n atNode) allContacts(ctx context.Context, w io.Writer, node string) error {
	t, err := n.live(ctx, node)
	if err != nil {
		return err
	}
	for _, b := range t.Bindings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", node, b.AOR, b.Kind, b.Contact)
	}
	return nil
}

// live transfers what a node's Asterisk lists now.
func (n atNode) live(ctx context.Context, node string) (*stream.Transfer, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return peer.Fetch(ctx, n.server, node+".live."+n.cfg.Origin, n.cfg.Origin, n.cfg.Key)
}
