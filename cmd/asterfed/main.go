// Command asterfed joins many Asterisk servers into one system: it is a CoreDNS
// that knows where every user of all of them is registered.
package main

import (
	"fmt"
	"os"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/cmd/asterfed/demo"
	"github.com/asterfed/asterfed/cmd/asterfed/plan"
	"github.com/urfave/cli/v2"
)

func main() {
	app := &cli.App{
		Name:                 "asterfed",
		Usage:                "many Asterisk servers as one, over DNS",
		Description:          command.ExitCodes,
		Version:              versions(),
		HideHelpCommand:      true,
		EnableBashCompletion: true,
		Commands: []*cli.Command{
			serveCommand, demo.Command,
			statusCommand, whereCommand, explainCommand, historyCommand, usersCommand, membersCommand, plan.Command,
			publishCommand, withdrawCommand, publishedCommand, askCommand,
			joinCommand, leaveCommand, drainCommand, keysCommand, versionCommand,
		},
		Action:         command.Unknown,
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return command.Usage(err) },
		ExitErrHandler: func(*cli.Context, error) {},
	}
	command.Strict(app.Commands)
	if err := app.Run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "asterfed:", err)
		os.Exit(command.Code(err))
	}
}
