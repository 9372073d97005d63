package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// The packets that nodes exchange are counted in the namespace as they leave,
// with their IP and TCP or UDP headers; loopback gets the MTU of an Ethernet, so
// that there are as many as there would be.
const wireRules = `table inet wire
delete table inet wire
table inet wire {
    counter transfer {}
    counter gossip {}
    chain out {
        type filter hook output priority 0
        tcp sport 53 counter name transfer
        tcp dport 53 counter name transfer
        udp dport 7946 counter name gossip
        tcp sport 7946 counter name gossip
        tcp dport 7946 counter name gossip
    }
}
`

// countWire begins to count.
func countWire() error {
	if out, err := exec.Command("ip", "link", "set", "lo", "mtu", "1500").CombinedOutput(); err != nil {
		return fmt.Errorf("set MTU: %w: %s", err, out)
	}
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(wireRules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("count packets: %w: %s", err, out)
	}
	return nil
}

// onWire returns the octets so far, by counter.
func onWire() (map[string]float64, error) {
	raw, err := exec.Command("nft", "-j", "list", "counters").Output()
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	return parseWire(raw)
}

func parseWire(raw []byte) (map[string]float64, error) {
	var list struct {
		NFTables []struct {
			Counter struct {
				Name  string
				Bytes float64
			}
		}
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	out := map[string]float64{}
	for _, e := range list.NFTables {
		if e.Counter.Name != "" {
			out[e.Counter.Name] = e.Counter.Bytes
		}
	}
	if len(out) != 2 {
		return nil, fmt.Errorf("read counters: %d of 2 in %s", len(out), raw)
	}
	return out, nil
}
