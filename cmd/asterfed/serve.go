package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/asterfed/asterfed/cmd/asterfed/account"
	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/plugin/federation"
	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/urfave/cli/v2"
)

var serveCommand = &cli.Command{
	Name:  "serve",
	Usage: "run the server",
	Flags: []cli.Flag{
		confFlag,
		&cli.BoolFlag{Name: "check", Usage: "report what is wrong with the Corefile, without opening a socket, and exit"},
		&cli.StringFlag{Name: "log", Value: "info", Usage: "log `LEVEL`: debug, info, warn or error"},
	},
	Action: serve,
}

var confFlag = &cli.StringFlag{
	Name: "conf", Value: "/etc/asterfed/Corefile", EnvVars: []string{"ASTERFED_CONF"},
	Usage: "read the configuration from `FILE`",
}

// readCorefile reads the Corefile and returns the keys of its server blocks too.
func readCorefile(path string) (caddy.CaddyfileInput, [][]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return caddy.CaddyfileInput{}, nil, fmt.Errorf("read Corefile: %w", err)
	}
	blocks, err := caddyfile.Parse(path, bytes.NewReader(raw), nil)
	if err != nil {
		return caddy.CaddyfileInput{}, nil, err
	}
	if len(blocks) == 0 {
		return caddy.CaddyfileInput{}, nil, fmt.Errorf("%s: no server block; it needs at least \"fed.example {\" with a federation", path)
	}
	var keys [][]string
	for _, b := range blocks {
		keys = append(keys, b.Keys)
	}
	return caddy.CaddyfileInput{Filepath: path, Contents: raw, ServerTypeName: "dns"}, keys, nil
}

func serve(c *cli.Context) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log"))); err != nil {
		return command.Usagef("log level %q: want debug, info, warn or error", c.String("log"))
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: level}))
	if level <= slog.LevelDebug {
		clog.D.Set()
	}
	registry := federation.Default
	registry.Logger = logger
	if err := dnsserver.SetDirectives(directives); err != nil {
		return err
	}
	dnsserver.Quiet = true
	caddy.Quiet = true
	caddy.AppName, caddy.AppVersion = "asterfed", version

	path := c.String("conf")
	load := func(string) (caddy.Input, error) {
		in, blocks, err := readCorefile(path)
		if err == nil {
			registry.Blocks = blocks
		}
		return in, err
	}
	caddy.RegisterCaddyfileLoader("asterfed", caddy.LoaderFunc(load))
	in, err := load("dns")
	if err != nil {
		return command.Usage(err)
	}
	if err := caddy.ValidateAndExecuteDirectives(in, nil, true); err != nil {
		return command.Usage(plain(err))
	}
	if a, ok := account.Service(); ok {
		if err := a.Check(in, c.Bool("check")); err != nil {
			return command.Usage(err)
		}
	}
	if c.Bool("check") {
		fmt.Printf("%s: ok\n", path)
		return nil
	}
	return run(in, registry, logger)
}

// run serves until a signal ends it. SIGTERM and SIGINT stop the process
// without leaving the federation, as a restart does; SIGUSR1 reloads.
func run(in caddy.Input, registry *federation.Registry, logger *slog.Logger) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP)
	live := make(chan *caddy.Instance, 8)
	caddy.RegisterEventHook("asterfed", func(e caddy.EventName, info any) error {
		if inst, ok := info.(*caddy.Instance); ok && e == caddy.InstanceStartupEvent {
			live <- inst
		}
		return nil
	})
	inst, err := caddy.Start(in)
	if err != nil {
		registry.Stop()
		return plain(err)
	}
	logger.Info("serving", "version", version, "corefile", in.Path())
	for {
		select {
		case i := <-live:
			inst = i
		case <-registry.Left():
			why := registry.LeftErr()
			logger.Info("left the federation", "err", why)
			return errors.Join(why, stop(inst, registry))
		case s := <-signals:
			if s != syscall.SIGUSR1 && s != syscall.SIGHUP {
				logger.Info("stopping", "signal", s)
				return stop(inst, registry)
			}
			if next, err := reload(inst); err != nil {
				logger.Error("reload: the configuration at work stays", "err", err)
			} else {
				inst = next
				logger.Info("reloaded")
			}
		}
	}
}

func reload(inst *caddy.Instance) (*caddy.Instance, error) {
	in, err := caddy.LoadCaddyfile("dns")
	if err != nil {
		return nil, err
	}
	next, err := inst.Restart(in)
	if err != nil {
		return nil, plain(err)
	}
	return next, nil
}

// stop ends the listeners first, so that no query meets a runtime that is
// half gone.
func stop(inst *caddy.Instance, registry *federation.Registry) error {
	errs := inst.ShutdownCallbacks()
	errs = append(errs, inst.Stop())
	registry.Stop()
	return errors.Join(errs...)
}

// plain strips what caddy puts around an error, and keeps file and line.
func plain(err error) error {
	s := err.Error()
	for _, noise := range []string{"Error during parsing: ", "plugin/federation: "} {
		s = strings.ReplaceAll(s, noise, "")
	}
	return errors.New(s)
}
