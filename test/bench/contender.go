package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/test/bench/process"
	"github.com/miekg/dns"
)

// contender is a server that is measured.
type contender struct {
	name string
	// constant servers give the same answer to every question: a floor.
	constant bool
	first    bool // the others are compared with it
	// files are written into its folder; DIR, ADDR and BIN in them stand for that
	// folder, the address to listen on, and the folder of binaries.
	files map[string]string
	args  []string // of these too
	data  bool     // reads asterfed's data instead of the zone file

	addr, dir string
	p         *process.Process
	loaded    time.Duration
	rss       int64
}

const port = "53"

const federated = `fed.example:53 {
    federation {
        node   pbx-0
        address ADDR advertise 192.0.2.1
        sip    udp:5060
        gossip ADDR:7946 key DIR/gossip.key
        rpc    off
        data   DIR/data
    }
    bind ADDR
    errorsMORE
}
`

func asterfed(name, more string) *contender {
	return &contender{name: name, data: true, args: []string{"BIN/asterfed", "serve", "--conf", "DIR/Corefile"}, files: map[string]string{
		"Corefile":   strings.ReplaceAll(federated, "MORE", more),
		"gossip.key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
	}}
}

const prometheus = "\n    prometheus ADDR:9153"

// contenders returns all servers, the one that the others are compared with
// first.
func contenders() []*contender {
	all := []*contender{
		asterfed("asterfed", ""),
		asterfed("asterfed + prometheus", prometheus),
		{name: "CoreDNS constant", constant: true, args: []string{"BIN/constant", "-corefile", "DIR/Corefile"},
			files: map[string]string{"Corefile": "fed.example:53 {\n    bind ADDR\n    errors\n    constant\n}\n"}},
		{name: "CoreDNS constant + prometheus", constant: true, args: []string{"BIN/constant", "-corefile", "DIR/Corefile"},
			files: map[string]string{"Corefile": "fed.example:53 {\n    bind ADDR\n    errors" + prometheus + "\n    constant\n}\n"}},
		{name: "CoreDNS file", args: []string{"BIN/asterfed", "serve", "--conf", "DIR/Corefile"},
			files: map[string]string{"Corefile": "fed.example:53 {\n    bind ADDR\n    errors\n    file DIR/../zone {\n        reload 0\n    }\n}\n"}},
		{name: "NSD", args: []string{"nsd", "-d", "-c", "DIR/nsd.conf"}, files: map[string]string{"nsd.conf": `server:
  ip-address: ADDR
  server-count: 1
  username: ""
  zonesdir: "DIR"
  database: ""
  pidfile: ""
  xfrdfile: "DIR/xfrd.state"
  zonelistfile: "DIR/zone.list"
  minimal-responses: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: fed.example
  zonefile: DIR/../zone
`}},
		{name: "Knot", args: []string{"knotd", "-c", "DIR/knot.conf"}, files: map[string]string{"knot.conf": `server:
  rundir: DIR
  listen: ADDR@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 2
database:
  storage: DIR
template:
  - id: default
    journal-content: none
    zonefile-sync: -1
log:
  - target: stderr
    any: warning
zone:
  - domain: fed.example
    file: DIR/../zone
`}},
		{name: "BIND", args: []string{"named", "-g", "-n", "1", "-c", "DIR/named.conf"}, files: map[string]string{"named.conf": `options {
  directory "DIR";
  listen-on { ADDR; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  minimal-responses no-auth;
  notify no;
  allow-transfer { none; };
};
controls { };
zone "fed.example" { type primary; file "DIR/../zone"; };
`}},
	}
	all[0].first = true
	return all
}

// prepare gives the contender an address and a folder with its files, and
// asterfed its names.
func (c *contender) prepare(b *bench, i int) error {
	c.dir = filepath.Join(b.dir, fmt.Sprint("server-", i))
	if err := c.settle(b, fmt.Sprintf("127.0.0.%d", 11+i)); err != nil || !c.data {
		return err
	}
	return b.w.journal(filepath.Join(c.dir, "data"))
}

// settle gives the contender its address, and writes its files into its
// folder.
func (c *contender) settle(b *bench, addr string) error {
	c.addr = addr
	// BIND listens only on addresses that an interface has.
	if out, err := exec.Command("ip", "addr", "replace", addr+"/8", "dev", "lo").CombinedOutput(); err != nil {
		return fmt.Errorf("add address: %w: %s", err, out)
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	put := strings.NewReplacer("DIR", c.dir, "ADDR", addr, "BIN", b.bin)
	for name, text := range c.files {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(put.Replace(text)), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	c.args = slices.Clone(c.args)
	for i := range c.args {
		c.args[i] = put.Replace(c.args[i])
	}
	return nil
}

// startLimit is how long a server may take to answer for the first time.
const startLimit = 5 * time.Minute

// start starts the server on a core (or on all, if negative), and waits until it
// answers the last number and says NXDOMAIN to one that is not there.
func (c *contender) start(b *bench, core int) (err error) {
	began := time.Now()
	if c.p, err = process.Start(core, c.args[0], c.args[1:]...); err != nil {
		return err
	}
	last := enum(b.w.number(b.w.numbers - 1))
	for ; ; <-time.After(2 * time.Millisecond) {
		if r, err := c.exchange(last, dns.TypeNAPTR); err == nil && len(r.Answer) > 0 {
			break
		}
		if c.p.Ended() || time.Since(began) > startLimit {
			return fmt.Errorf("%s does not answer after %v: %s", c.name, time.Since(began), c.p.Said())
		}
	}
	c.loaded = time.Since(began)
	if c.constant {
		return nil
	}
	for ; ; <-time.After(20 * time.Millisecond) {
		r, err := c.exchange("0."+enum("99"), dns.TypeNAPTR)
		if err == nil && r.Rcode == dns.RcodeNameError {
			return nil
		}
		if time.Since(began) > startLimit {
			return fmt.Errorf("%s does not say NXDOMAIN: %v", c.name, err)
		}
	}
}

func (c *contender) exchange(name string, qtype uint16) (*dns.Msg, error) {
	return c.within(500*time.Millisecond, name, qtype)
}

func (c *contender) within(d time.Duration, name string, qtype uint16) (*dns.Msg, error) {
	client := dns.Client{Timeout: d}
	r, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, qtype), c.addr+":"+port)
	return r, err
}

func (c *contender) stop() {
	if c.p != nil {
		c.p.Stop()
		c.p = nil
	}
}
