package node

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

func mustRule(t *testing.T, from, to string) location.Rule {
	r, err := location.ParseRule(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each setting that must be equal is told from its neighbours, and the order in
// which a Corefile delegates, or that it spells a default out, is no difference.
func TestComparedSettings(t *testing.T) {
	block := func(digits string) answer.Delegation {
		return answer.Delegation{Block: digits, Servers: []answer.NameServer{{Name: "ns.example.", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}}}
	}
	base := config.Config{TTL: 5 * time.Second, Order: answer.Newest, Profile: "lan", Delegations: []answer.Delegation{block("49"), block("44")}}
	for want, change := range map[string]func(*config.Config){
		"":         func(c *config.Config) { c.Selection = answer.DefaultSelection },
		" ":        func(c *config.Config) { c.Delegations = []answer.Delegation{block("44"), block("49")} },
		"ttl":      func(c *config.Config) { c.TTL = time.Second },
		"order":    func(c *config.Config) { c.Order = answer.All },
		"ways":     func(c *config.Config) { c.Selection = []answer.Criterion{answer.Distance, answer.Cost, answer.Health} },
		"profile":  func(c *config.Config) { c.Profile = "wan" },
		"dial":     func(c *config.Config) { c.Dial.Country = "972" },
		"isn":      func(c *config.Config) { c.ITAD = "256" },
		"plan":     func(c *config.Config) { c.Plan = location.Plan{mustRule(t, "1xxx", "+97231231xxx")} },
		"delegate": func(c *config.Config) { c.Delegations = c.Delegations[:1] },
		"delegate\t": func(c *config.Config) {
			c.Delegations = []answer.Delegation{block("49"), {Block: "44", DS: []*dns.DS{{KeyTag: 1}}}}
		},
		"ttl order": func(c *config.Config) { c.TTL, c.Order = time.Second, answer.Nearest },
		"dial isn plan": func(c *config.Config) {
			c.Dial.National, c.ITAD = "0", "1"
			c.Plan = location.Plan{mustRule(t, "2xx", "+4930xx")}
		},
	} {
		other := base
		change(&other)
		if got := strings.Join(differing(&base, settingsDigest(&other)), " "); got != strings.TrimSpace(want) {
			t.Errorf("differing %q, want %q", got, want)
		}
	}
	if got := differing(&base, settingsDigest(&base)[:2*settingDigits]); got != nil {
		t.Errorf("an older version differs in %q", got)
	}
	if got := differing(&base, settingsDigest(&base)+"ffff"); got != nil {
		t.Errorf("a newer version differs in %q", got)
	}
}

// A node is warned of once, with its name and the setting, however often Serf
// reports it.
func TestDifferingSettingsAreWarnedOfOnce(t *testing.T) {
	var log logBuffer
	n := begin(t, slog.New(slog.NewTextHandler(&log, nil)), config.Config{})
	other := *n.cfg
	other.TTL = time.Minute
	meet := func(c *config.Config) {
		n.peers.meet(serf.Member{Name: "pbx-b", Tags: map[string]string{"zone": testZone, "dns": "127.0.0.1:1", settingsTag: settingsDigest(c)}})
	}
	for range 3 {
		meet(&other)
	}
	if n := strings.Count(log.String(), `msg="settings that must be equal on all nodes differ" node=pbx-b settings=ttl `); n != 1 {
		t.Errorf("warned %d times, want once:\n%s", n, log.String())
	}
	meet(n.cfg)
	if !strings.Contains(log.String(), "settings are equal again") {
		t.Errorf("log:\n%s", log.String())
	}
	n.peers.meet(serf.Member{Name: "pbx-c", Tags: map[string]string{"zone": testZone, "dns": "127.0.0.1:1"}}) // of an older version
	if strings.Contains(log.String(), "node=pbx-c settings=") {
		t.Errorf("log:\n%s", log.String())
	}
}
