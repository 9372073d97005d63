package config

import (
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/update"
)

const updateSyntax = "update key FILE [KIND...] [since] [quota N] [names PATTERN...]"

// update reads a line that permits a key to publish.
func (p *parser) update(args []string) error {
	if len(args) < 2 || args[0] != "key" {
		return p.Errf("update %q: want %s", strings.Join(args, " "), updateSyntax)
	}
	if err := p.secret(args[1]); err != nil {
		return err
	}
	key, err := tsig.ReadKey(args[1])
	if err != nil {
		return p.Errf("%v", err)
	}
	kinds, names, named := cut(args[2:], "names")
	if named && len(names) == 0 {
		return p.Errf("update: names needs a pattern; want %s", updateSyntax)
	}
	u := Permission{Key: key, File: args[1]}
	for i := 0; i < len(kinds); i++ {
		s := kinds[i]
		switch s {
		case "since":
			u.Rule.Since = true
			continue
		case "quota":
			i++
			n, err := 0, error(nil)
			if i < len(kinds) {
				n, err = strconv.Atoi(kinds[i])
			}
			if err != nil || n < 1 {
				return p.Errf("update: quota needs a number of records above zero; want %s", updateSyntax)
			}
			u.Rule.Quota = n
			continue
		}
		k, err := location.ParseKind(s)
		if err != nil || k.Registered() {
			return p.Errf("update %q: want kinds of user, number, prefix, range, wildcard, trunk, provider, service, entry, then \"names\"", s)
		}
		u.Rule.Kinds = append(u.Rule.Kinds, k)
	}
	for _, s := range names {
		pattern, err := update.ParsePattern(s)
		if err != nil {
			return p.Errf("update: %v", err)
		}
		u.Rule.Names = append(u.Rule.Names, pattern)
	}
	p.cfg.Updates = append(p.cfg.Updates, u)
	return nil
}

// sameKeys checks that no two keys share a name: the server could not distinguish
// them.
func (p *parser) sameKeys() error {
	known := map[string]*tsig.Key{p.cfg.Key.Name: p.cfg.Key}
	check := func(what, file string, key *tsig.Key) error {
		if k := known[key.Name]; k != nil && *k != *key {
			return p.Errf("%s key %s: another key has the name %q too; give each its own", what, file, key.Name)
		}
		known[key.Name] = key
		return nil
	}
	for _, u := range p.cfg.Updates {
		if err := check("update", u.File, u.Key); err != nil {
			return err
		}
	}
	for _, s := range p.cfg.Secondaries {
		if err := check("secondary", s.File, s.Key); err != nil {
			return err
		}
	}
	return nil
}

// UpdateKey returns the key of that name and all that its update lines permit, nil if
// none names it.
func (c *Config) UpdateKey(name string) (key *tsig.Key, rules update.Rules) {
	for _, u := range c.Updates {
		if u.Key.Name == name {
			key, rules = u.Key, append(rules, u.Rule)
		}
	}
	return key, rules
}
