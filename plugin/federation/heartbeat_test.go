package federation

import (
	"net"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// A heartbeat tells where the zone of the node that asks is; only one with the
// transfer key, over TCP, from the address of that node.
func TestHeartbeatShowsTheOtherNode(t *testing.T) {
	held := record.Version{Epoch: "00000000000000bb", Serial: 7}
	const other = "pbx-b.homes." + testZone
	for _, c := range []struct {
		name, question, owner, addr string
		key                         bool
		told                        bool
	}{
		{"a heartbeat", "pbx-a.homes." + testZone, other, "127.0.0.1:53", true, true},
		{"in capitals", "PBX-A.homes." + testZone, "PBX-B.HOMES." + testZone, "127.0.0.1:53", true, true},
		{"without a key", "pbx-a.homes." + testZone, other, "127.0.0.1:53", false, false},
		{"from elsewhere", "pbx-a.homes." + testZone, other, "192.0.2.7:53", true, false},
		{"of a node that is not known", "pbx-a.homes." + testZone, "pbx-x.homes." + testZone, "127.0.0.1:53", true, false},
		{"of no home zone", "pbx-a.homes." + testZone, "example.org.", "127.0.0.1:53", true, false},
		{"without its SOA", "pbx-a.homes." + testZone, "", "127.0.0.1:53", true, false},
		{"for another zone", other, other, "127.0.0.1:53", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newTestAuthority(t, "pbx-a")
			home := a.zone.Home("pbx-b")
			home.Replace(held, &record.Node{Name: "pbx-b", State: record.Up}, nil)
			peer := peer.New(peer.Config{Node: "pbx-b", Addr: c.addr, Origin: testZone, Key: testKey, Home: home, Own: peer.NewNotifier(a.primary, testZone), Clock: a.clock,
				Heard: func() {}, Lost: func(error) {}, Logger: a.log})
			a.peer("pbx-b", peer)
			m := new(dns.Msg).SetQuestion(c.question, dns.TypeSOA)
			if c.owner != "" {
				m.Ns = []dns.RR{held.SOA(c.owner, testZone, 0)}
			}
			conn, err := net.Dial("tcp", serve(t, a))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			co := &dns.Conn{Conn: conn, TsigSecret: map[string]string{testKey.Name: testKey.Secret}}
			if c.key {
				m.SetTsig(testKey.Name, testKey.Algorithm, tsig.Fudge, time.Now().Unix())
			}
			if err := co.WriteMsg(m); err != nil {
				t.Fatal(err)
			}
			if !c.key { // nothing is written here then
				co.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			}
			if _, err := co.ReadMsg(); err != nil && c.key {
				t.Fatal(err)
			}
			if got := peer.Level(); got != c.told {
				t.Errorf("told: %v, want %v", got, c.told)
			}
		})
	}
}
