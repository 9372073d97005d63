package config_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/asterfed/asterfed/plugin/federation/config"
)

// A command that works on the machine of a node learns from its Corefile where that
// node answers.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	key := filepath.Join(dir, "gossip.key")
	if err := os.WriteFile(key, []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	c, err := config.Read("Corefile", []byte(`fed.example:5300 {
    federation {
        node   pbx-a
        gossip 10.0.0.1:7946 key `+key+`
    }
}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Origin, c.Node, c.Server)

	_, err = config.Read("Corefile", []byte("fed.example {\n    federation {\n        node PBX_A\n    }\n}"))
	fmt.Println(err)
	// Output:
	// fed.example. pbx-a 127.0.0.1:5300
	// Corefile:3 - Error during parsing: node name "PBX_A": want 1 to 40 of a-z, 0-9 and inner hyphens
}
