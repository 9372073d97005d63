package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// version is set by the Makefile.
var version = "dev"

var versionCommand = &cli.Command{
	Name:  "version",
	Usage: "print the version, and those of CoreDNS, Serf and Go",
	Action: func(c *cli.Context) error {
		_, err := fmt.Fprintln(c.App.Writer, c.App.Name, "version", versions())
		return err
	},
}

// versions returns the version of asterfed and of what it is made of.
func versions() string {
	parts := []string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "github.com/coredns/coredns":
				parts = append(parts, "CoreDNS "+strings.TrimPrefix(m.Version, "v"))
			case "github.com/hashicorp/serf":
				parts = append(parts, "Serf "+strings.TrimPrefix(m.Version, "v"))
			}
		}
	}
	parts = append(parts, strings.Replace(runtime.Version(), "go", "Go ", 1))
	return version + " (" + strings.Join(parts, ", ") + ")"
}
