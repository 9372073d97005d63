// Command asterfed is a federation server for Asterisk: a CoreDNS that knows
// where every user of many Asterisk servers lives now.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
)

// version is set by the Makefile.
var version = "dev"

func main() {
	app := &cli.App{
		Name:                 "asterfed",
		Usage:                "many Asterisk servers as one, over DNS",
		Version:              version,
		HideHelpCommand:      true,
		EnableBashCompletion: true,
		Suggest:              true,
		Commands: []*cli.Command{
			serveCommand, demoCommand,
			whereCommand, explainCommand, historyCommand, usersCommand, membersCommand, planCommand,
			publishCommand, withdrawCommand, publishedCommand, askCommand,
			joinCommand, leaveCommand, drainCommand, keysCommand,
		},
		ExitErrHandler: func(*cli.Context, error) {},
	}
	if err := app.Run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "asterfed:", err)
		var code cli.ExitCoder
		if errors.As(err, &code) {
			os.Exit(code.ExitCode())
		}
		os.Exit(1)
	}
}
