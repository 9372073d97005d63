package main

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/serf"
	"github.com/urfave/cli/v2"
)

var drainCommand = &cli.Command{
	Name:  "drain",
	Usage: "move calls and registrations to other nodes, where possible",
	Description: "The users of the local node stay reachable; its answers rank last. Draining survives a\n" +
		"restart and ends with --undo.",
	Flags:  []cli.Flag{confFlag, rpcFlag, rpcKeyFlag, &cli.BoolFlag{Name: "undo", Usage: "take calls and registrations again"}},
	Action: withRPC(drain),
}

// drainLimit is how long a node may take to do what it is asked.
const drainLimit = 5 * time.Second

func drain(c *cli.Context, rpc *serf.Client) error {
	request := "drain"
	if c.Bool("undo") {
		request = "undrain"
	}
	self, err := rpc.Self()
	if err != nil {
		return err
	}
	if err := rpc.SetTag("request", request); err != nil {
		return err
	}
	for deadline := time.Now().Add(drainLimit); ; time.Sleep(50 * time.Millisecond) {
		list, err := rpc.Members()
		if err != nil {
			return err
		}
		for _, m := range list {
			if m.Name == self && m.Tags["request"] == "" {
				fmt.Fprintf(c.App.Writer, "%s is %s\n", self, m.Tags["state"])
				return nil
			}
		}
		if time.Now().After(deadline) {
			return command.Silent(fmt.Errorf("%s did not carry it out within %v: is it an asterfed that can drain?", self, drainLimit))
		}
	}
}
