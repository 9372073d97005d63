package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/urfave/cli/v2"
)

var rpcFlag = &cli.StringFlag{Name: "rpc", Usage: "Serf RPC at `HOST:PORT` (default: the local node's)"}

var rpcKeyFlag = &cli.StringFlag{Name: "rpc-key", Usage: "the key of that RPC is in `FILE` (default: the local node's)"}

var membersCommand = &cli.Command{
	Name:   "members",
	Usage:  "list the nodes of the federation",
	Flags:  []cli.Flag{confFlag, rpcFlag, rpcKeyFlag},
	Action: withRPC(members),
}

var joinCommand = &cli.Command{
	Name:      "join",
	Usage:     "join another node's federation",
	ArgsUsage: "HOST[:PORT]...",
	Flags:     []cli.Flag{confFlag, rpcFlag, rpcKeyFlag},
	Before: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return usagef("join: want the gossip address of at least one node")
		}
		return nil
	},
	Action: withRPC(func(c *cli.Context, rpc *serf.Client) error {
		n, err := rpc.Join(c.Args().Slice())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "joined %d nodes\n", n)
		return nil
	}),
}

var leaveCommand = &cli.Command{
	Name:   "leave",
	Usage:  "make the local node leave: its users are withdrawn at once, and it stops",
	Flags:  []cli.Flag{confFlag, rpcFlag, rpcKeyFlag},
	Action: withRPC(func(_ *cli.Context, rpc *serf.Client) error { return rpc.Leave() }),
}

var keysCommand = &cli.Command{
	Name:  "keys",
	Usage: "list or rotate the gossip keys: install, list until every node has it, use, remove the old",
	Flags: []cli.Flag{confFlag, rpcFlag, rpcKeyFlag,
		&cli.StringFlag{Name: "install", Usage: "give every node `KEY`"},
		&cli.StringFlag{Name: "use", Usage: "make every node encrypt with `KEY`"},
		&cli.StringFlag{Name: "remove", Usage: "make every node forget `KEY`"}},
	Action: withRPC(keys),
}

// withRPC connects to the local node's Serf RPC.
func withRPC(f func(*cli.Context, *serf.Client) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		addr, keyFile := c.String("rpc"), c.String("rpc-key")
		cfg, err := local(c)
		switch {
		case err == nil:
			addr, keyFile = cmp.Or(addr, cfg.RPC), cmp.Or(keyFile, cfg.RPCKey)
		case addr == "":
			return err
		}
		rpc, err := dialRPC(addr, keyFile)
		if err != nil {
			return err
		}
		defer rpc.Close()
		return f(c, rpc)
	}
}

// dialRPC connects to a Serf RPC with the key in keyFile, "" if it asks for none.
func dialRPC(addr, keyFile string) (*serf.Client, error) {
	if addr == "" {
		return nil, usage(errors.New("the node has no Serf RPC (rpc off): give --rpc HOST:PORT of one that has"))
	}
	key := ""
	if keyFile != "" {
		var err error
		if key, err = serf.ReadRPCKey(keyFile); errors.Is(err, fs.ErrNotExist) {
			return nil, silent(fmt.Errorf("%w (is asterfed serving? It creates the file)", err))
		} else if err != nil {
			return nil, no("%w", err)
		}
	}
	rpc, err := serf.Dial(addr, key)
	switch {
	case errors.Is(err, serf.ErrRPCKey):
		return nil, no("%w: give the file with the key of that node, --rpc-key FILE", err)
	case err != nil:
		return nil, silent(fmt.Errorf("%w (is asterfed serving?)", err))
	}
	return rpc, nil
}

func members(c *cli.Context, rpc *serf.Client) error {
	list, err := rpc.Members()
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b serf.Member) int { return strings.Compare(a.Name, b.Name) })
	w := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTATUS\tASTERISK\tGOSSIP\tDNS\tREGION")
	for _, m := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Status, m.Tags["state"], m.Addr, m.Tags["dns"], m.Tags["region"])
	}
	return w.Flush()
}

// nodeNames returns every node that has not left.
func nodeNames(cfg *config.Config) ([]string, error) {
	rpc, err := dialRPC(cfg.RPC, cfg.RPCKey)
	if err != nil {
		return nil, err
	}
	defer rpc.Close()
	list, err := rpc.Members()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range list {
		if m.Status != serf.StatusLeft {
			out = append(out, m.Name)
		}
	}
	slices.Sort(out)
	return out, nil
}

func keys(c *cli.Context, rpc *serf.Client) error {
	var err error
	switch {
	case c.String("install") != "":
		_, err = rpc.InstallKey(c.String("install"))
	case c.String("use") != "":
		_, err = rpc.UseKey(c.String("use"))
	case c.String("remove") != "":
		_, err = rpc.RemoveKey(c.String("remove"))
	}
	if err != nil {
		return err
	}
	k, err := rpc.Keys()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	for _, key := range slices.Sorted(maps.Keys(k.On)) {
		fmt.Fprintf(w, "%s\ton %d of %d nodes\n", key, k.On[key], k.Members)
	}
	for _, node := range slices.Sorted(maps.Keys(k.Errors)) {
		fmt.Fprintf(w, "%s\t%s\n", node, k.Errors[node])
	}
	return w.Flush()
}
