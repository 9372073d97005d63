package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/urfave/cli/v2"
)

// local is what the other commands take from the node's own Corefile, so that
// they work without a flag on the machine where it serves.
func local(c *cli.Context) (*config.Config, error) {
	in, _, err := readCorefile(c.String("conf"))
	if err != nil {
		return nil, command.Usagef("%w (name the Corefile with --conf)", err)
	}
	cfg, err := config.Read(in.Filepath, in.Contents)
	if err != nil {
		return nil, command.Usage(plain(err))
	}
	return cfg, nil
}

// server returns where to send queries: the node that --server names, or the
// local one.
func server(c *cli.Context, cfg *config.Config) (string, error) {
	s := c.String("server")
	if s == "" {
		return hostPort(cfg.Server), nil
	}
	if _, _, err := net.SplitHostPort(s); err == nil {
		return s, nil
	}
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil || strings.Contains(s, ".") {
		return hostPort(s), nil
	}
	return nodeServer(s, cfg)
}

// nodeServer returns where the node of that name answers, by the local node's
// list of members; a name that is none of theirs is a host's.
func nodeServer(name string, cfg *config.Config) (string, error) {
	if name == cfg.Node {
		return hostPort(cfg.Server), nil
	}
	if cfg.RPC == "" {
		return hostPort(name), nil
	}
	rpc, err := dialRPC(cfg.RPC, cfg.RPCKey)
	if err != nil {
		return hostPort(name), nil // what it means as a host, the question will show
	}
	defer rpc.Close()
	list, err := rpc.Members()
	if err != nil {
		return "", command.Silent(err)
	}
	var names []string
	for _, m := range list {
		if m.Name == name && m.Tags["dns"] != "" {
			return m.Tags["dns"], nil
		}
		names = append(names, m.Name)
	}
	if _, err := net.LookupHost(name); err == nil {
		return hostPort(name), nil
	}
	slices.Sort(names)
	return "", command.Usagef("--server %s: no node and no host has this name; the nodes are %s", name, strings.Join(names, ", "))
}

func hostPort(s string) string {
	if _, _, err := net.SplitHostPort(s); err != nil {
		s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
	}
	return s
}

var serverFlag = &cli.StringFlag{Name: "server", Aliases: []string{"s"},
	Usage: "ask the node `NODE`, by its name or as HOST[:PORT] (default: the local one)"}
