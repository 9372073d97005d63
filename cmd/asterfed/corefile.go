package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/asterfed/asterfed/plugin/federation"
	"github.com/urfave/cli/v2"
)

// local is what the other commands take from the node's own Corefile, so that
// they work without a flag on the machine where it serves.
func local(c *cli.Context) (*federation.Config, error) {
	in, _, err := readCorefile(c.String("conf"))
	if err != nil {
		return nil, fmt.Errorf("%w (name the Corefile with --conf)", err)
	}
	cfg, err := federation.Read(in.Filepath, in.Contents)
	if err != nil {
		return nil, plain(err)
	}
	return cfg, nil
}

// server returns where to send queries: the flag, or the local node.
func server(c *cli.Context, cfg *federation.Config) string {
	s := c.String("server")
	if s == "" {
		s = cfg.Server
	}
	return hostPort(s)
}

func hostPort(s string) string {
	if _, _, err := net.SplitHostPort(s); err != nil {
		s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
	}
	return s
}

var serverFlag = &cli.StringFlag{Name: "server", Aliases: []string{"s"}, Usage: "ask the node at `HOST[:PORT]` (default: the local one)"}
