package main

import "github.com/urfave/cli/v2"

var demoCommand = &cli.Command{Name: "demo", Usage: "three nodes on loopback, with users that roam"}
