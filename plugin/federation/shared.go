package federation

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone"
)

// sharedTag is the Serf tag in which nodes compare the settings that must be equal
// in a federation, since each node makes its answers by its own: four hexadecimal
// digits for each, in the order of sharedSettings. New ones are appended, so
// nodes of different versions compare what both know.
const sharedTag = "settings"

const sharedDigits = 4

// setting is a property, and what it is set to in one canonical form.
type setting struct{ name, value string }

// sharedSettings returns the settings that must be equal.
func sharedSettings(c *config.Config) []setting {
	routes := c.Ways
	if len(routes) == 0 {
		routes = zone.DefaultWays
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

// sharedDigest returns the value of the tag.
func sharedDigest(c *config.Config) string {
	var out strings.Builder
	for _, s := range sharedSettings(c) {
		h := fnv.New32a()
		h.Write([]byte(s.name + "=" + s.value))
		sum := h.Sum32()
		fmt.Fprintf(&out, "%0*x", sharedDigits, uint16(sum>>16)^uint16(sum))
	}
	return out.String()
}

// differing returns the names of the settings that another node's tag has otherwise.
func differing(c *config.Config, tag string) (names []string) {
	own := sharedDigest(c)
	for i, s := range sharedSettings(c) {
		at := i * sharedDigits
		if len(tag) < at+sharedDigits {
			break
		}
		if tag[at:at+sharedDigits] != own[at:at+sharedDigits] {
			names = append(names, s.name)
		}
	}
	return names
}

// comparisons remembers what was said of each node's settings.
type comparisons struct {
	mu   sync.Mutex
	told map[string]string // tag by node
}

// compareSettings warns once of each node whose settings differ, and again when
// they change.
func (r *Runtime) compareSettings(node, tag string) {
	r.compared.mu.Lock()
	defer r.compared.mu.Unlock()
	was, known := r.compared.told[node]
	if known && was == tag {
		return
	}
	if r.compared.told == nil {
		r.compared.told = map[string]string{}
	}
	r.compared.told[node] = tag
	names := differing(&r.cfg, tag)
	switch {
	case len(names) > 0:
		r.log.Warn("settings that must be equal on all nodes differ", "node", node, "settings", strings.Join(names, " "),
			"remedy", "set them alike in both Corefiles: until then the two nodes give different answers")
	case known && len(differing(&r.cfg, was)) > 0:
		r.log.Info("settings are equal again", "node", node)
	}
}
