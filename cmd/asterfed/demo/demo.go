// Package demo runs a federation on loopback: three nodes, a simulated Asterisk
// beside each, and users who register, roam and disappear.
package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// Command is "asterfed demo".
var Command = &cli.Command{
	Name:  "demo",
	Usage: "run three nodes on loopback with users that register, roam and disappear",
	Description: "Each node is a real \"asterfed serve\" of its own on 127.0.0.11 to .13, port 5300, beside a\n" +
		"simulated Asterisk that speaks AMI and answers SIP OPTIONS. Nothing is left behind.",
	Flags: []cli.Flag{
		&cli.DurationFlag{Name: "for", Usage: "end after `DURATION` (default: at Ctrl-C)"},
		&cli.DurationFlag{Name: "pace", Value: 1500 * time.Millisecond, Usage: "time between events"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "repeat the story of `SEED`"},
		&cli.BoolFlag{Name: "logs", Usage: "show the nodes' own logs"},
	},
	Action: demo,
}

// The demo's addresses: unprivileged ports on loopback.
const (
	demoZone   = "fed.example."
	demoPort   = 5300
	demoGossip = 17946
	demoRPC    = 17373
	demoAMI    = 15038
	demoSIP    = 15060
)

func demo(c *cli.Context) (err error) {
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if d := c.Duration("for"); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	dir, err := os.MkdirTemp("", "asterfed-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	logs := io.Discard
	if c.Bool("logs") {
		logs = c.App.ErrWriter
	}
	s := &story{out: c.App.Writer, pace: c.Duration("pace"), began: time.Now(), homes: map[string]*demoNode{}}
	s.seed(c.Uint64("seed"))
	defer s.stop()
	for i, name := range []string{"pbx-a", "pbx-b", "pbx-c"} {
		n, err := newDemoNode(dir, name, fmt.Sprintf("127.0.0.%d", 11+i), logs)
		if n != nil {
			s.nodes = append(s.nodes, n)
		}
		if err != nil {
			return err
		}
	}
	for _, n := range s.nodes {
		if err := n.ready(ctx); err != nil {
			return err
		}
	}
	s.intro()
	s.run(ctx)
	s.summary()
	return nil
}
