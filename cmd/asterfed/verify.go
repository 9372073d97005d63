package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/urfave/cli/v2"
)

var verifyCommand = &cli.Command{
	Name:  "verify",
	Usage: "compare what every node answers from with what every Asterisk lists",
	Description: "Transfers NODE.live.ZONE from each node, which is what its Asterisk lists at this moment, and\n" +
		"NODE.homes.ZONE from every node, which is what that node answers from, and names each difference.\n" +
		"A difference that a second look no longer finds was a change on its way, and is not reported. A\n" +
		"node without an Asterisk must have no registrations anywhere.\n\n" +
		"Exit code 1 means that something differs, or that a node could not be compared.",
	Flags:  []cli.Flag{confFlag, rpcFlag, rpcKeyFlag, command.JSONFlag},
	Action: withRPC(verify),
}

// secondLook is the time until differences are looked at again: a node asks its
// Asterisk once a second at most.
const secondLook = 1500 * time.Millisecond

// difference is a contact that stands on one side only.
type difference struct {
	home, view string // whose Asterisk, and whose answers differ from it
	name       location.AOR
	kind       location.Kind
	contact    location.ContactID
	listed     bool // by Asterisk, and not in the view
}

func (d difference) String() string {
	if d.listed {
		return fmt.Sprintf("%s (%s) is registered at %s, and %s does not have it", d.name, d.kind, d.home, d.view)
	}
	return fmt.Sprintf("%s (%s) is not registered at %s, and %s has it", d.name, d.kind, d.home, d.view)
}

func verify(c *cli.Context, rpc *serf.Client) error {
	cfg, err := local(c)
	if err != nil {
		return err
	}
	members, err := rpc.Members()
	if err != nil {
		return err
	}
	var out comparison
	nodes := alive(members)
	out.Nodes = len(nodes)
	for _, home := range nodes {
		v := verifying{cfg: cfg, home: home}
		found, n, err := v.look(c.Context, nodes)
		if err == nil && len(found) > 0 {
			time.Sleep(secondLook)
			var again []difference
			again, n, err = v.look(c.Context, nodes)
			found = slices.DeleteFunc(found, func(d difference) bool { return !slices.Contains(again, d) })
		}
		if err != nil {
			out.Failed = append(out.Failed, fmt.Sprintf("%s: %v", home.Name, err))
			continue
		}
		out.Contacts += n
		for _, d := range found {
			if d.listed && v.keptBack(d.name) {
				if d.view == d.home {
					out.KeptBack++
				}
				continue
			}
			out.Differences = append(out.Differences, d.String())
		}
	}
	for _, m := range members {
		if m.Status == serf.StatusFailed {
			out.Failed = append(out.Failed, m.Name+": not compared: Serf holds it to be failed")
		}
	}
	return out.print(c)
}

// comparison is what verify has found.
type comparison struct {
	Nodes       int      `json:"nodes"`
	Contacts    int      `json:"contacts"`
	KeptBack    int      `json:"not_published_by_rule"`
	Differences []string `json:"differences"`
	Failed      []string `json:"not_compared"`
}

func (o comparison) print(c *cli.Context) error {
	if c.Bool("json") {
		if err := command.PrintJSON(c, o); err != nil {
			return err
		}
	} else {
		for _, line := range slices.Concat(o.Differences, o.Failed) {
			fmt.Fprintln(c.App.Writer, line)
		}
		fmt.Fprintf(c.App.Writer, "%d nodes, %d contacts, %d not published by rule, %d differences\n",
			o.Nodes, o.Contacts, o.KeptBack, len(o.Differences)+len(o.Failed))
	}
	switch {
	case len(o.Differences) > 0:
		return command.No("what the nodes answer differs from what their Asterisks list")
	case len(o.Failed) > 0:
		return command.No("not every node could be compared")
	}
	return nil
}

// verifying compares the views of one home with its Asterisk.
type verifying struct {
	cfg  *config.Config
	home serf.Member
	told map[location.AOR]bool // kept back by a rule of the home
}

// look returns all differences and the number of contacts that Asterisk lists.
func (v *verifying) look(ctx context.Context, nodes []serf.Member) ([]difference, int, error) {
	at := atNode{v.cfg, v.home.Tags["dns"]}
	now, err := at.live(ctx, v.home.Name)
	if err != nil {
		return nil, 0, fmt.Errorf("its Asterisk does not answer: %w", err)
	}
	var mu sync.Mutex
	var all []difference
	var asking sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, m := range nodes {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			held, ferr := peer.Fetch(ctx, m.Tags["dns"], record.HomeZone(v.home.Name, v.cfg.Origin), v.cfg.Origin, v.cfg.Key)
			mu.Lock()
			defer mu.Unlock()
			if ferr != nil {
				err = cmp.Or(err, fmt.Errorf("ask %s for it: %w", m.Name, ferr))
				return
			}
			all = append(all, differences(v.home.Name, m.Name, now.Bindings, held.Bindings)...)
		})
	}
	asking.Wait()
	slices.SortFunc(all, func(a, b difference) int {
		return cmp.Or(strings.Compare(string(a.name), string(b.name)), strings.Compare(a.view, b.view), cmp.Compare(a.contact, b.contact))
	})
	return all, len(now.Bindings), err
}

// differences compares registrations by user, technology and contact.
func differences(home, view string, listed, held []location.Binding) (out []difference) {
	type key struct {
		a location.AOR
		k location.Kind
		c location.ContactID
	}
	keyOf := func(b location.Binding) key { return key{b.AOR, b.Kind, b.Contact} }
	has := make(map[key]bool, len(held))
	for _, b := range held {
		if b.Kind.Registered() {
			has[keyOf(b)] = true
		}
	}
	for _, b := range listed {
		if !has[keyOf(b)] {
			out = append(out, difference{home, view, b.AOR, b.Kind, b.Contact, true})
		}
		delete(has, keyOf(b))
	}
	for k := range has {
		out = append(out, difference{home, view, k.a, k.k, k.c, false})
	}
	return out
}

// keptBack reports whether the home says that a rule of its own keeps the user
// back: its users line, or the directory's homes.
func (v *verifying) keptBack(a location.AOR) bool {
	if known, ok := v.told[a]; ok {
		return known
	}
	at := atNode{v.cfg, v.home.Tags["dns"]}
	list, err := at.txt(a.Fold() + ".users.explain")
	if v.told == nil {
		v.told = map[location.AOR]bool{}
	}
	v.told[a] = err == nil && len(list) > 0 && list[0]["note"] != ""
	return v.told[a]
}
