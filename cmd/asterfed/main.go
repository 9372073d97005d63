// Command asterfed joins many Asterisk servers into one system: it is a CoreDNS
// that knows where every user of all of them is registered.
package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
)

func main() {
	app := &cli.App{
		Name:                 "asterfed",
		Usage:                "many Asterisk servers as one, over DNS",
		Description:          exitCodes,
		Version:              versions(),
		HideHelpCommand:      true,
		EnableBashCompletion: true,
		Commands: []*cli.Command{
			serveCommand, demoCommand,
			statusCommand, whereCommand, explainCommand, historyCommand, usersCommand, membersCommand, planCommand,
			publishCommand, withdrawCommand, publishedCommand, askCommand,
			joinCommand, leaveCommand, drainCommand, keysCommand, versionCommand,
		},
		Action:         unknown,
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return usage(err) },
		ExitErrHandler: func(*cli.Context, error) {},
	}
	strict(app.Commands)
	if err := app.Run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "asterfed:", err)
		os.Exit(code(err))
	}
}
