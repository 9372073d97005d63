package node

import (
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/answer"
)

// settingsTag is the Serf tag in which nodes compare the settings that must be equal
// in a federation, since each node makes its answers by its own: four hexadecimal
// digits for each, in the order of comparedSettings. New ones are appended, so
// nodes of different versions compare what both know.
const settingsTag = "settings"

const settingDigits = 4

// setting is a property, and what it is set to in one canonical form.
type setting struct{ name, value string }

// comparedSettings returns the settings that must be equal.
func comparedSettings(c *config.Config) []setting {
	routes := c.Selection
	if len(routes) == 0 {
		routes = answer.DefaultSelection
	}
	var delegations []string
	for _, d := range c.Delegations {
		text := fmt.Sprint(d.Block, d.Servers)
		for _, ds := range d.DS {
			text += fmt.Sprint(ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToLower(ds.Digest))
		}
		delegations = append(delegations, text)
	}
	slices.Sort(delegations)
	return []setting{
		{"ttl", c.TTL.String()},
		{"order", string(c.Order)},
		{"ways", fmt.Sprint(routes)},
		{"profile", c.Profile},
		{"dial", fmt.Sprintf("%q", c.Dial)},
		{"isn", c.ITAD},
		{"plan", fmt.Sprint(c.Plan)},
		{"delegate", strings.Join(delegations, ";")},
	}
}

// settingsDigest returns the value of the tag.
func settingsDigest(c *config.Config) string {
	var out strings.Builder
	for _, s := range comparedSettings(c) {
		h := fnv.New32a()
		h.Write([]byte(s.name + "=" + s.value))
		sum := h.Sum32()
		fmt.Fprintf(&out, "%0*x", settingDigits, uint16(sum>>16)^uint16(sum))
	}
	return out.String()
}

// differing returns the names of the settings that another node's tag has otherwise.
func differing(c *config.Config, tag string) (names []string) {
	own := settingsDigest(c)
	for i, s := range comparedSettings(c) {
		at := i * settingDigits
		if len(tag) < at+settingDigits {
			break
		}
		if tag[at:at+settingDigits] != own[at:at+settingDigits] {
			names = append(names, s.name)
		}
	}
	return names
}

// comparison compares this node's settings with those of others. Safe for
// concurrent use.
type comparison struct {
	settings *config.Config
	log      *slog.Logger

	mu   sync.Mutex
	seen map[string]string // tag by node
}

// with warns once of a node whose settings differ, and again when they change.
func (c *comparison) with(node, tag string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, known := c.seen[node]
	if known && was == tag {
		return
	}
	if c.seen == nil {
		c.seen = map[string]string{}
	}
	c.seen[node] = tag
	names := differing(c.settings, tag)
	switch {
	case len(names) > 0:
		c.log.Warn("settings that must be equal on all nodes differ", "node", node, "settings", strings.Join(names, " "),
			"remedy", "set them alike in both Corefiles: until then the two nodes give different answers")
	case known && len(differing(c.settings, was)) > 0:
		c.log.Info("settings are equal again", "node", node)
	}
}
