package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/urfave/cli/v2"
)

var rpcFlag = &cli.StringFlag{Name: "rpc", Usage: "Serf RPC at `HOST:PORT` (default: the local node's)"}

var rpcKeyFlag = &cli.StringFlag{Name: "rpc-key", Usage: "the key of that RPC is in `FILE` (default: the local node's)"}

var membersCommand = &cli.Command{
	Name:  "members",
	Usage: "list the nodes of the federation",
	Description: "STATUS is what Serf says of the node. ASTERISK is what the node says of its Asterisk: up, down or\n" +
		"draining; \"-\" where the node does not answer. VERSION is that of its asterfed. asterfed status says more.",
	Flags:  []cli.Flag{confFlag, rpcFlag, rpcKeyFlag, command.JSONFlag},
	Action: withRPC(members),
}

var joinCommand = &cli.Command{
	Name:      "join",
	Usage:     "join another node's federation",
	ArgsUsage: "HOST[:PORT]...",
	Flags:     []cli.Flag{confFlag, rpcFlag, rpcKeyFlag},
	Before: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return command.Usagef("join: want the gossip address of at least one node")
		}
		return nil
	},
	Action: withRPC(func(c *cli.Context, rpc *serf.Client) error {
		args, err := command.Arguments(c)
		if err != nil {
			return err
		}
		n, err := rpc.Join(args)
		if err != nil {
			return command.No("%s", strings.Join(strings.Fields(err.Error()), " "))
		}
		fmt.Fprintf(c.App.Writer, "joined %d nodes\n", n)
		return nil
	}),
}

var leaveCommand = &cli.Command{
	Name:      "leave",
	Usage:     "make the local node leave: its users are withdrawn at once, and it stops",
	ArgsUsage: "[NODE]",
	Description: "With the name of a NODE that failed: declare that it has left, so that nobody waits for its return.\n" +
		"It is a member again when it starts.",
	Flags: []cli.Flag{confFlag, rpcFlag, rpcKeyFlag},
	Action: withRPC(func(c *cli.Context, rpc *serf.Client) error {
		name, err := command.Optional(c, "")
		switch {
		case err != nil:
			return err
		case name == "":
			return rpc.Leave()
		}
		if err := rpc.ForceLeave(name); err != nil {
			return command.No("%w", err)
		}
		return nil
	}),
}

// withRPC connects to the local node's Serf RPC.
func withRPC(f func(*cli.Context, *serf.Client) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if _, err := command.Arguments(c); err != nil { // options may stand behind them
			return err
		}
		addr, keyFile := c.String("rpc"), c.String("rpc-key")
		cfg, err := local(c)
		switch {
		case err == nil:
			if addr == "" || addr == cfg.RPC { // the node's key is for the node alone
				addr, keyFile = cfg.RPC, cmp.Or(keyFile, cfg.RPCKey)
			}
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
		return nil, command.Usage(errors.New("the node has no Serf RPC (rpc off): give --rpc HOST:PORT of one that has"))
	}
	key := ""
	if keyFile != "" {
		var err error
		if key, err = serf.ReadRPCKey(keyFile); errors.Is(err, fs.ErrNotExist) {
			return nil, command.Silent(fmt.Errorf("%w (is asterfed serving? It creates the file)", err))
		} else if err != nil {
			return nil, command.No("%w", err)
		}
	}
	rpc, err := serf.Dial(addr, key)
	switch {
	case errors.Is(err, serf.ErrRPCKey):
		return nil, command.No("%w: give the file with the key of that node, --rpc-key FILE", err)
	case err != nil:
		return nil, command.Silent(fmt.Errorf("%w (is asterfed serving?)", err))
	}
	return rpc, nil
}

func members(c *cli.Context, rpc *serf.Client) error {
	list, err := rpc.Members()
	if err != nil {
		return command.Silent(err)
	}
	slices.SortFunc(list, func(a, b serf.Member) int { return strings.Compare(a.Name, b.Name) })
	table := command.NewListing("NODE", "STATUS", "ASTERISK", "GOSSIP", "DNS", "REGION", "VERSION")
	for _, m := range list {
		state := m.Tags["state"]
		if m.Status != serf.StatusAlive {
			state = "" // what it said before it went
		}
		table.Add(m.Name, m.Status.String(), state, m.Addr.String(), m.Tags["dns"], m.Tags["region"], m.Tags["asterfed"])
	}
	return table.Print(c)
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
