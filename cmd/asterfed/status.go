package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/urfave/cli/v2"
)

var statusCommand = &cli.Command{
	Name:  "status",
	Usage: "show this node and every other at a glance, and what needs a person",
	Description: "Asks a node for TXT at status.NODE.live.ZONE, signed with the transfer key, and then every node\n" +
		"that it knows: what each says of itself, how far the first one reaches it, and what does not mend\n" +
		"itself, with the remedy. LAG is the time since the node was last heard, normally below 2 s.\n\n" +
		"Exit code 0 means that nothing needs a person, 1 that something does, 3 that the node is silent.",
	Flags:  []cli.Flag{confFlag, serverFlag, command.JSONFlag},
	Action: status,
}

// nodeStatus is one node: what the asked node knows of it, and what it says of
// itself.
type nodeStatus struct {
	name       string
	seen, self text // seen is nil for the node that was asked, self for one that is silent
	err        error
	troubles   []trouble
}

// trouble is something that a person should mend.
type trouble struct {
	Code     string   `json:"code"`
	About    string   `json:"about"`
	What     string   `json:"what"`
	Remedy   string   `json:"remedy"`
	SeenFrom []string `json:"seen_from"`
}

func status(c *cli.Context) error {
	if args, err := command.Arguments(c); err != nil {
		return err
	} else if len(args) > 0 {
		return command.Usagef("status: want no argument, got %q; another node is named with --server", args[0])
	}
	at, err := nodeAt(c)
	if err != nil {
		return err
	}
	first := askedNode(c, at)
	list, err := at.statusOf(first)
	if err != nil {
		return err
	}
	nodes := []*nodeStatus{{name: first}}
	nodes[0].take(list)
	for _, t := range list {
		if t["peer"] != "" {
			nodes = append(nodes, &nodeStatus{name: t["peer"], seen: t})
		}
	}
	var asking sync.WaitGroup
	for _, n := range nodes[1:] {
		if n.seen["member"] != "alive" && n.seen["reach"] != "alive" {
			continue
		}
		asking.Go(func() {
			list, err := atNode{at.cfg, n.seen["dns"]}.statusOf(n.name)
			if n.err = err; err == nil {
				n.take(list)
			}
		})
	}
	// Asterisk asks port 53 only: elsewhere it does not ask this node.
	if _, port, _ := net.SplitHostPort(at.server); c.String("server") == "" && port == "53" {
		nodes[0].troubles = append(nodes[0].troubles, resolverTroubles(resolvConf, first, at.cfg.Origin, knowsNode(first, at.cfg.Origin))...)
	}
	asking.Wait()
	return printStatus(c, nodes)
}

// askedNode is the name of the node that is asked: that of the Corefile, or the one
// given with --server. Behind an address is asked as the node of the Corefile.
func askedNode(c *cli.Context, at atNode) string {
	if s := c.String("server"); s != "" && !strings.ContainsAny(s, ".:") {
		return s
	}
	return at.cfg.Node
}

// statusLimit is how long one node may take to say how it is.
const statusLimit = 2 * time.Second

func (n atNode) statusOf(node string) ([]text, error) {
	list, err := signedTXT(n.server, "status."+node+".live."+n.cfg.Origin, n.cfg.Key, statusLimit)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s: the answer has no records", node)
	}
	return list, err
}

// take sorts the records of a node's answer.
func (n *nodeStatus) take(list []text) {
	n.self = list[0]
	for _, t := range list {
		if t["trouble"] != "" {
			n.troubles = append(n.troubles, trouble{t["trouble"], t["about"], t["what"], t["remedy"], []string{n.name}})
		}
	}
}

// troublesOf joins what all nodes have said: about one node, one kind of trouble
// once, with the nodes that see it.
func troublesOf(nodes []*nodeStatus) (out []trouble) {
	for _, n := range nodes {
		if n.err != nil && command.Code(n.err) == command.ExitSilent && n.seen["reach"] == "alive" {
			n.troubles = append(n.troubles, trouble{"port", n.name, n.err.Error(),
				"let TCP from this host to its DNS port through the packet filters in between", []string{"this command"}})
		}
	}
	for _, n := range nodes {
		for _, t := range n.troubles {
			i := slices.IndexFunc(out, func(o trouble) bool {
				return o.About == t.About && o.Code == t.Code && (t.Code != "resolver" || o.What == t.What)
			})
			switch {
			case i < 0:
				out = append(out, t)
			case t.About == n.name: // who is troubled knows best
				t.SeenFrom = append(t.SeenFrom, out[i].SeenFrom...)
				out[i] = t
			default:
				out[i].SeenFrom = append(out[i].SeenFrom, t.SeenFrom...)
			}
		}
	}
	// What a node says of itself makes it known to the others; once is enough.
	return slices.DeleteFunc(out, func(t trouble) bool {
		return !slices.Contains(t.SeenFrom, t.About) && t.Code == "asterisk" && slices.ContainsFunc(out, func(o trouble) bool {
			return o.About == t.About && slices.Contains(o.SeenFrom, t.About)
		})
	})
}

func printStatus(c *cli.Context, nodes []*nodeStatus) error {
	slices.SortStableFunc(nodes[1:], func(a, b *nodeStatus) int { return cmp.Compare(a.name, b.name) })
	troubles := troublesOf(nodes)
	out := command.NewListing("NODE", "REACH", "STATE", "ASTERISK", "AMI", "REGISTERED", "PUBLISHED", "LAG", "TRANSFERRED", "VERSION")
	for _, n := range nodes {
		reach := "itself"
		if n.seen != nil {
			reach = n.seen["reach"]
		}
		when, _ := time.Parse(time.RFC3339, n.seen["transferred"])
		out.Add(n.name, reach, cmp.Or(n.self["state"], n.seen["state"]), short(n.self["asterisk"]), n.self["ami"],
			figure(n.self["registered"]), figure(n.self["published"]), n.seen["lag"], when, cmp.Or(n.self["asterfed"], n.seen["asterfed"]))
	}
	if c.Bool("json") {
		if troubles == nil {
			troubles = []trouble{}
		}
		if err := command.PrintJSON(c, map[string]any{"nodes": out.Objects(), "troubles": troubles, "ok": len(troubles) == 0}); err != nil {
			return err
		}
	} else {
		if err := out.Print(c); err != nil {
			return err
		}
		for _, t := range troubles {
			fmt.Fprintf(c.App.Writer, "\n%s: %s\n", t.About, t.What)
			if !slices.Contains(t.SeenFrom, t.About) && len(nodes) > 2 {
				fmt.Fprintf(c.App.Writer, "   seen from %s\n", strings.Join(t.SeenFrom, ", "))
			}
			if t.Remedy != "" {
				fmt.Fprintf(c.App.Writer, "   %s\n", t.Remedy)
			}
		}
	}
	switch len(troubles) {
	case 0:
		return nil
	case 1:
		return cli.Exit(errors.New("one thing needs a person"), command.ExitNo)
	}
	return command.No("%d things need a person", len(troubles))
}

// short is a version without what a distribution adds: 22.10.1 for
// "22.10.1+dfsg+~cs6.17".
func short(version string) string {
	if i := strings.IndexAny(version, "+~-"); i > 0 {
		return version[:i]
	}
	return version
}

// figure is a number, for programs, or "" for none.
func figure(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return s
}
