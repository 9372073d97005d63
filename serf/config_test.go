package serf

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	for _, tc := range []struct {
		name string
		edit func(*Config)
		want string // part of the error, "" = none
	}{
		{"as it is", func(*Config) {}, ""},
		{"seeds", func(c *Config) {
			c.Join = []string{"10.0.0.2", "10.0.0.2:7946", "pbx2.example.net", "[2001:db8::1]:1", "2001:db8::1"}
		}, ""},
		{"NAT", func(c *Config) { c.Bind, c.Advertise = "[::]:7946", "192.0.2.1:7946" }, ""},
		{"no node", func(c *Config) { c.Node = "" }, `check node name ""`},
		{"node with a space", func(c *Config) { c.Node = "a b" }, `check node name "a b"`},
		{"no port", func(c *Config) { c.Bind = "10.0.0.1" }, `check gossip address "10.0.0.1": ip:port expected`},
		{"any IPv6", func(c *Config) { c.Bind = "[::]:7946" }, "an advertised address is needed"},
		{"advertised any", func(c *Config) { c.Advertise = "0.0.0.0:7946" }, `check advertised address "0.0.0.0:7946"`},
		{"RPC", func(c *Config) { c.RPC = "localhost" }, `check RPC address "localhost"`},
		{"RPC on gossip", func(c *Config) { c.Bind, c.RPC = "127.0.0.1:1", "127.0.0.1:1" }, "gossip uses the same"},
		{"seed", func(c *Config) { c.Join = []string{"a/b:1"} }, `check seed "a/b:1"`},
		{"seed port", func(c *Config) { c.Join = []string{"a:99999"} }, `check seed "a:99999"`},
		{"profile", func(c *Config) { c.Profile = "fast" }, `check profile "fast": local, lan or wan expected`},
		{"key file with a byte order mark", func(c *Config) {
			c.KeyFile = filepath.Join(t.TempDir(), "key")
			mustWrite(t, c.KeyFile, []byte("\xef\xbb\xbf"+newKey()+"\r\n"))
		}, ""},
		{"no key file", func(c *Config) { c.KeyFile = absent }, absent},
		{"empty key file", func(c *Config) { c.KeyFile = keyFile(t, "") }, "empty, one line with base64"},
		{"no base64", func(c *Config) { c.KeyFile = keyFile(t, "hunter2!") }, "base64 of 16, 24 or 32 bytes expected"},
		{"short key", func(c *Config) { c.KeyFile = keyFile(t, "AAAA") }, "bytes expected, not of 3"},
		{"data is a file", func(c *Config) { c.DataDir = keyFile(t, "") }, "not a directory"},
		{"tags", func(c *Config) { c.Tags = map[string]string{"k": strings.Repeat("x", 512)} }, "at most 512"},
	} {
		c := testConfig("a")
		tc.edit(&c)
		err := Check(c)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.want)
		}
	}
}

// A secret must not end up in a log through an error.
func TestCheckHidesKey(t *testing.T) {
	c := testConfig("a")
	c.KeyFile = keyFile(t, "c2VjcmV0")
	if err := Check(c); err == nil || strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("error %v", err)
	}
}

// tagsSize must agree with Serf about what still fits.
func TestTagsSize(t *testing.T) {
	a := startNode(t, "a")
	raw := a.agent.Serf()
	for _, base := range []map[string]string{
		{},
		{"epoch": "1", strings.Repeat("k", 40): ""},
		many(20),
	} {
		tags := copyTags(base)
		tags["fill"] = strings.Repeat("x", 32)
		tags["fill"] += strings.Repeat("x", 512-tagsSize(tags))
		if err := raw.SetTags(copyTags(tags)); tagsSize(tags) != 512 || err != nil {
			t.Errorf("%d bytes: %v", tagsSize(tags), err)
		}
		tags["fill"] += "x"
		if err := raw.SetTags(tags); err == nil {
			t.Errorf("Serf accepts %d bytes", tagsSize(tags))
		}
		if a.SetTags(tags) == nil {
			t.Errorf("%d bytes accepted", tagsSize(tags))
		}
	}
}

func many(n int) map[string]string {
	tags := make(map[string]string)
	for i := range n {
		tags[string(rune('a'+i))] = "v"
	}
	return tags
}
