package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/urfave/cli/v2"
)

var keysCommand = &cli.Command{
	Name:  "keys",
	Usage: "list or rotate the gossip keys",
	Description: "Lists the gossip keys by an ID, which is no secret: on how many nodes each is installed, and how many\n" +
		"send with it. \"asterfed keys rotate\" replaces them in one go. The options do single steps of that.\n" +
		"Keys themselves are read from files and never shown.\n\n" +
		"Exit code 1 means that nodes differ, or that one is absent.",
	Flags: []cli.Flag{confFlag, rpcFlag, rpcKeyFlag, command.JSONFlag,
		&cli.StringFlag{Name: "install", Usage: "give every node the key in `FILE` (- for standard input)"},
		&cli.StringFlag{Name: "use", Usage: "make every node send with the key `ID`"},
		&cli.StringFlag{Name: "remove", Usage: "make every node forget the key `ID`"}},
	Action:      withRPC(keys),
	Subcommands: []*cli.Command{rotateCommand},
}

var rotateCommand = &cli.Command{
	Name:  "rotate",
	Usage: "replace the gossip keys of all nodes by a new one",
	Description: "Makes a new key, installs it on every node, makes all use it, removes all others and writes the new\n" +
		"one to the local key file. Waits while a node is absent, and says for which. Interrupted, it can be\n" +
		"run again.",
	Flags: []cli.Flag{confFlag, rpcFlag, rpcKeyFlag,
		&cli.StringFlag{Name: "file", Usage: "write the new key to `FILE` (default: the key file of gossip)"},
		&cli.DurationFlag{Name: "wait", Value: 10 * time.Minute, Usage: "give up after `TIME`"}},
	Action: withRPC(rotate),
}

func keys(c *cli.Context, rpc *serf.Client) error {
	if args, err := command.Arguments(c); err != nil {
		return err
	} else if len(args) > 0 {
		return command.Usagef("keys: want no argument, got %q", args[0])
	}
	err := changeKeys(c, rpc)
	if err != nil {
		return err
	}
	k, err := rpc.Keys()
	if len(k.On) == 0 {
		return command.No("%w", cmp.Or(err, errors.New("keys: no node has one")))
	}
	whole := err == nil && len(k.On) > 0
	table := command.NewListing("KEY", "ON", "OF", "PRIMARY ON")
	for _, key := range slices.Sorted(maps.Keys(k.On)) {
		whole = whole && k.Everywhere(key)
		table.Add(serf.KeyIDOf(key), k.On[key], k.All(), k.Primary[key])
	}
	if err := table.Print(c); err != nil {
		return err
	}
	for _, node := range slices.Sorted(maps.Keys(k.Errors)) {
		fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", command.Clean(node), command.Clean(k.Errors[node]))
	}
	for _, node := range k.Absent {
		fmt.Fprintf(c.App.ErrWriter, "%s failed and keeps the keys that it had: start it, or declare that it has left (asterfed leave %s)\n", command.Clean(node), command.Clean(node))
	}
	if !whole {
		return command.No("keys: not every node has the same ones")
	}
	return nil
}

// changeKeys does the step that the options name, if any.
func changeKeys(c *cli.Context, rpc *serf.Client) (err error) {
	file, use, remove := c.String("install"), c.String("use"), c.String("remove")
	given := 0
	for _, s := range []string{file, use, remove} {
		if s != "" {
			given++
		}
	}
	if given > 1 {
		return command.Usagef("keys: want one of --install, --use and --remove")
	}
	switch {
	case file != "":
		key, err := readKey(file)
		if err != nil {
			return err
		}
		if _, err := rpc.InstallKey(key); err != nil {
			return command.No("%w", err)
		}
		return nil
	case use != "":
		err = changeKey(rpc, use, rpc.UseKey)
	case remove != "":
		err = changeKey(rpc, remove, rpc.RemoveKey)
	}
	return err
}

// changeKey does a step with the key of that ID.
func changeKey(rpc *serf.Client, id string, step func(string) (serf.Keys, error)) error {
	if serf.CheckKey(id) == nil {
		return command.Usagef("keys: want the ID of a key, as asterfed keys lists it; a key itself does not belong on a command line, where every user can read it")
	}
	k, err := rpc.Keys()
	if len(k.On) == 0 {
		return command.No("%w", err)
	}
	key, err := k.Find(id)
	if err != nil {
		return command.No("%w", err)
	}
	if _, err := step(key); err != nil {
		return command.No("%w", err)
	}
	return nil
}

// readKey reads a gossip key in base64 from a file, or from standard input.
func readKey(file string) (string, error) {
	if serf.CheckKey(file) == nil {
		return "", command.Usagef("keys: want a file; a key does not belong on a command line, where every user can read it")
	}
	if file != "-" {
		raw, err := serf.ReadKey(file)
		if err != nil {
			return "", command.Usage(err)
		}
		return serf.EncodeKey(raw), nil
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read key: %w", err)
	}
	key := strings.TrimSpace(line)
	if err := serf.CheckKey(key); err != nil {
		return "", command.Usagef("read key from standard input: %w", err)
	}
	return key, nil
}

func rotate(c *cli.Context, rpc *serf.Client) error {
	if args, err := command.Arguments(c); err != nil {
		return err
	} else if len(args) > 0 {
		return command.Usagef("keys rotate: want no argument, got %q", args[0])
	}
	file := c.String("file")
	cfg, err := local(c)
	switch {
	case err != nil && file == "":
		return err
	case err == nil && !cfg.OwnKey:
		return command.Usagef("keys rotate: the transfer key of these nodes is derived from the gossip key; give all nodes a key of their own first (transfer IP:PORT key FILE)")
	case err == nil:
		file = cmp.Or(file, cfg.GossipKey)
	}
	if err := writable(file); err != nil {
		return command.No("keys rotate: %w", err)
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("wait"))
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	key, err := rpc.Rotate(ctx, func(s string) { fmt.Fprintln(c.App.Writer, command.Clean(s)) })
	if key != "" {
		// Also if an old one could not be removed: all nodes send with this one.
		err = errors.Join(err, writeKey(file, key))
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return command.No("rotate keys: gave up after %s; run it again when every node is there", c.Duration("wait"))
	case errors.Is(err, context.Canceled):
		return command.No("rotate keys: interrupted; run it again to end with one key")
	case err != nil:
		return command.No("%w", err)
	}
	fmt.Fprintf(c.App.Writer, "done: every node has key %s and no other; it is in %s\n", serf.KeyIDOf(key), file)
	fmt.Fprintln(c.App.Writer, "Copy that file to the other nodes: one that loses its data starts with its own.")
	return nil
}

// writable reports whether writeKey will be able to write file.
func writable(file string) error {
	probe, err := os.CreateTemp(filepath.Dir(file), ".asterfed-*")
	if err != nil {
		return fmt.Errorf("the new key is to be written to %s: %w", file, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// writeKey puts key into file, with the owner and mode that the file had.
func writeKey(file, key string) error {
	mode, uid, gid := fs.FileMode(0o600), -1, -1
	if fi, err := os.Stat(file); err == nil {
		mode = fi.Mode().Perm()
		if st, ok := fi.Sys().(*syscall.Stat_t); ok {
			uid, gid = int(st.Uid), int(st.Gid)
		}
	}
	return datadir.Replace(file, datadir.Durable, mode, func(f *os.File) error {
		if uid >= 0 {
			if err := f.Chown(uid, gid); err != nil {
				return err
			}
		}
		_, err := f.WriteString(key + "\n")
		return err
	})
}
