package main

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/serf"
	"github.com/urfave/cli/v2"
)

var drainCommand = &cli.Command{
	Name: "drain",
	Usage: "let calls and registrations go to other nodes, as far as there are any: " +
		"the local node's users stay reachable, ranked last; a restart does not end it",
	Flags:  []cli.Flag{confFlag, rpcFlag, &cli.BoolFlag{Name: "undo", Usage: "take calls as before"}},
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
			return fmt.Errorf("%s does not do it within %v: is it an asterfed that can?", self, drainLimit)
		}
	}
}
