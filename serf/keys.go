package serf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Keys says which gossip keys the members have installed. Keys are in base64.
type Keys struct {
	Members int               // that were asked
	On      map[string]int    // how many of them have the key
	Primary map[string]int    // how many of them send with it, as far as they say so
	Errors  map[string]string // what members answered that could not, by name
	Absent  []string          // failed members, which keep the keys that they had
}

// All returns how many members the federation has, the absent ones among them.
func (k Keys) All() int { return k.Members + len(k.Absent) }

// Everywhere reports whether every member has key, which takes that none is
// absent.
func (k Keys) Everywhere(key string) bool { return k.Members > 0 && k.On[key] == k.All() }

// usesOnly reports whether no member says that it sends with another key. Stock
// Serf agents and older versions do not say.
func (k Keys) usesOnly(key string) bool {
	for other, n := range k.Primary {
		if other != key && n > 0 {
			return false
		}
	}
	return true
}

// Find returns the installed key that goes by id.
func (k Keys) Find(id string) (string, error) {
	for key := range k.On {
		if KeyIDOf(key) == id {
			return key, nil
		}
	}
	return "", fmt.Errorf("find gossip key %q: no member has it; the list of keys shows what they are called", id)
}

// primaryQuery asks every member for the ID of its primary key, which Serf's RPC
// does not pass on.
const primaryQuery = "asterfed:primary-key"

// Keys asks every member which keys it has. An error together with counts
// means that some did not answer.
func (c *Client) Keys() (keys Keys, err error) {
	err = c.call("list keys", longLimit, func() error {
		keys.On, keys.Members, keys.Errors, err = c.rpc.ListKeys()
		return err
	})
	if len(keys.On) == 0 {
		return keys, err
	}
	list, merr := c.Members()
	for _, m := range list {
		if m.Status == StatusFailed {
			keys.Absent = append(keys.Absent, m.Name)
		}
	}
	slices.Sort(keys.Absent)
	answers, qerr := c.Query(primaryQuery, nil, keys.Members, queryLimit)
	keys.Primary = make(map[string]int)
	for _, a := range answers {
		if key, err := keys.Find(string(a.Payload)); err == nil {
			keys.Primary[key]++
		}
	}
	return keys, errors.Join(err, merr, qerr)
}

// queryLimit is how long members have for an answer.
const queryLimit = 2 * time.Second

// InstallKey gives every member another key (base64 of 16, 24 or 32 bytes),
// which they accept from then on. The counts are those after it, also with an
// error.
func (c *Client) InstallKey(key string) (Keys, error) {
	if err := CheckKey(key); err != nil {
		return Keys{}, fmt.Errorf("install key: %w", err)
	}
	return c.change("install key", key, c.rpc.InstallKey)
}

// UseKey makes every member send with key. It refuses while a member lacks the
// key or is absent, for that one would be cut off.
func (c *Client) UseKey(key string) (Keys, error) {
	keys, err := c.Keys()
	if err != nil {
		return keys, fmt.Errorf("use key: %w", err)
	}
	if !keys.Everywhere(key) {
		return keys, fmt.Errorf("use key: %d of %d members have it; install it first%s", keys.On[key], keys.All(), keys.absent())
	}
	return c.change("use key", key, c.rpc.UseKey)
}

// RemoveKey takes a key that is not in use from every member. It refuses while
// one is absent, for that one would bring the key back.
func (c *Client) RemoveKey(key string) (Keys, error) {
	keys, err := c.Keys()
	if err != nil {
		return keys, fmt.Errorf("remove key: %w", err)
	}
	if len(keys.Absent) > 0 {
		return keys, fmt.Errorf("remove key: not all members are there%s", keys.absent())
	}
	return c.change("remove key", key, c.rpc.RemoveKey)
}

// absent says who is missing and what to do, "" if nobody is.
func (k Keys) absent() string {
	if len(k.Absent) == 0 {
		return ""
	}
	return fmt.Sprintf("; absent: %s (start it, or declare that it has left)", strings.Join(k.Absent, ", "))
}

// change runs one key operation, then counts.
func (c *Client) change(what, key string, op func(string) (map[string]string, error)) (Keys, error) {
	var errs map[string]string
	err := c.call(what, longLimit, func() (err error) {
		errs, err = op(key)
		return err
	})
	keys, lerr := c.Keys()
	if err != nil {
		keys.Errors = errs
		return keys, err
	}
	return keys, lerr
}

// Rotate replaces the gossip keys of all members by a new one, which it returns
// for the key file: it installs the key, makes all use it, and removes all
// others. While a member is absent or does not answer it waits and says so, until
// ctx ends. It can be run again after it was interrupted. It calls say with a line
// for each step.
func (c *Client) Rotate(ctx context.Context, say func(string)) (key string, err error) {
	keys, err := c.complete(ctx, say, func() (Keys, error) { return c.Keys() }, func(k Keys) bool { return len(k.Absent) == 0 })
	if err != nil {
		return "", fmt.Errorf("rotate keys: %w", err)
	}
	key = newKey()
	say(fmt.Sprintf("installing key %s on %d members", KeyIDOf(key), keys.All()))
	_, err = c.complete(ctx, say, func() (Keys, error) { return c.InstallKey(key) }, func(k Keys) bool { return k.Everywhere(key) })
	if err != nil {
		return "", fmt.Errorf("rotate keys: %w", err)
	}
	say("all have it; using it")
	keys, err = c.complete(ctx, say, func() (Keys, error) { return c.UseKey(key) }, func(k Keys) bool { return k.Everywhere(key) && k.usesOnly(key) })
	if err != nil {
		return key, fmt.Errorf("rotate keys: %w", err)
	}
	for _, old := range slices.Sorted(maps.Keys(keys.On)) {
		if old == key {
			continue
		}
		say(fmt.Sprintf("removing key %s", KeyIDOf(old)))
		_, err = c.complete(ctx, say, func() (Keys, error) { return c.RemoveKey(old) }, func(k Keys) bool { return k.On[old] == 0 && k.Everywhere(key) })
		if err != nil {
			return key, fmt.Errorf("rotate keys: %w", err)
		}
	}
	return key, nil
}

// rotatePause is the time between two attempts at one step of a rotation.
const rotatePause = time.Second

// complete repeats a step until all members have done it.
func (c *Client) complete(ctx context.Context, say func(string), step func() (Keys, error), done func(Keys) bool) (Keys, error) {
	last := ""
	for {
		keys, err := step()
		if err == nil && done(keys) {
			return keys, nil
		}
		if len(keys.On) == 0 && err != nil {
			return keys, err // the agent is gone, or gossip is not encrypted
		}
		why := "waiting until every member has answered"
		switch {
		case len(keys.Absent) > 0:
			why = fmt.Sprintf("waiting for %s, which failed: start it, or declare that it has left", strings.Join(keys.Absent, ", "))
		case len(keys.Errors) > 0:
			why = fmt.Sprintf("waiting: %v", keys.Errors)
		}
		if why != last {
			say(why)
			last = why
		}
		select {
		case <-ctx.Done():
			return keys, errors.Join(ctx.Err(), err)
		case <-time.After(rotatePause):
		}
	}
}
