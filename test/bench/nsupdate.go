package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/asterfed/asterfed/test/bench/watch"
	"github.com/miekg/dns"
)

// The zone of BIND's primary, and how many changes are made to it.
const (
	updateNames = 65_000
	updates     = 25
)

const primaryConf = `options {
  directory "DIR"; listen-on { ADDR; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no;
  minimal-responses no-auth; notify explicit; notify-delay 0; notify-source ADDR; also-notify { 127.0.2.2; }; allow-transfer { any; };
};
controls { };
zone "fed.example" { type primary; file "DIR/zone"; allow-update { any; }; };
`

const secondaryConf = `options {
  directory "DIR"; listen-on { ADDR; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no;
  minimal-responses no-auth; notify no; transfer-source ADDR; notify-source ADDR;
};
controls { };
zone "fed.example" { type secondary; file "DIR/copy"; primaries { 127.0.2.1; }; };
`

// nsupdate measures the way that programs take to BIND and its secondary: an
// UPDATE, NOTIFY at once, IXFR.
func (b *bench) nsupdate() (string, error) {
	w := newWorld(min(b.names, updateNames))
	primary := &contender{name: "BIND, primary", args: []string{"named", "-g", "-c", "DIR/named.conf"}, files: map[string]string{"named.conf": primaryConf}}
	secondary := &contender{name: "BIND, secondary", args: primary.args, files: map[string]string{"named.conf": secondaryConf}}
	all := []*contender{primary, secondary}
	small := &bench{options: b.options, dir: b.dir, w: w}
	for i, c := range all {
		c.dir = filepath.Join(b.dir, fmt.Sprint("bind-", i))
		if err := c.settle(small, fmt.Sprintf("127.0.2.%d", i+1)); err != nil {
			return "", err
		}
		if i == 0 {
			if err := w.master(filepath.Join(c.dir, "zone")); err != nil {
				return "", err
			}
		}
		defer c.stop()
		if err := c.start(small, -1); err != nil {
			return "", err
		}
	}
	watcher, err := watch.New(secondary.addr + ":" + port)
	if err != nil {
		return "", err
	}
	defer watcher.Close()
	var answered, seen []time.Duration
	for i := range updates {
		name, target := enum(w.number(i)), fmt.Sprintf("pbx-%d.nodes.%s", i+1, origin)
		rr, err := dns.NewRR(fmt.Sprintf(`%s %d NAPTR 100 1 "u" "E2U+sip" "!^.*$!sip:%s@%s!" .`, name, ttl, w.number(i), target[:len(target)-1]))
		if err != nil {
			return "", fmt.Errorf("make an update: %w", err)
		}
		m := new(dns.Msg).SetUpdate(origin)
		m.RemoveName([]dns.RR{rr})
		m.Insert([]dns.RR{rr})
		began := time.Now()
		client := dns.Client{Net: "tcp", Timeout: 5 * time.Second}
		r, _, err := client.Exchange(m, primary.addr+":"+port)
		if err != nil || r.Rcode != dns.RcodeSuccess {
			return "", fmt.Errorf("update BIND: %v, %v", err, r)
		}
		answered = append(answered, time.Since(began))
		d := watcher.Until(name, "@"+strings.TrimSuffix(target, "."), began)
		if d == 0 {
			return "", fmt.Errorf("update BIND: the secondary does not answer with it")
		}
		seen = append(seen, d)
	}
	return fmt.Sprintf("| BIND, from an UPDATE to its answer | %d names, one after the other | | %s | %s | | |\n"+
		"| BIND, from an UPDATE to the answer of a secondary (NOTIFY without delay, IXFR) | the same | | %s | %s | | |\n",
		w.numbers, millis(answered, 0.5), millis(answered, 0.99), millis(seen, 0.5), millis(seen, 0.99)), nil
}
