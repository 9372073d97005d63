package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/record"
)

// tells returns what a block makes the node tell, as the lines of its TXT.
func tells(t *testing.T, block string) string {
	t.Helper()
	cfg, err := Read("Corefile", fmt.Appendf(nil, "fed.example {\nfederation {\nnode pbx-a\n"+
		"gossip 10.0.0.1:7946 key %s/gossip.key\n%s\n}\n}\n", secrets(t), block))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(record.NodeTXT(cfg.Self(), "pbx-a.homes.fed.example.", 5).Txt, " ")
}

func TestNodeTellsEachNetworkItsAddressesAndPorts(t *testing.T) {
	for _, tt := range []struct{ block, want string }{
		{"address 10.0.0.1 advertise 203.0.113.7\naddress 10.0.0.1 for 10.0.0.0/8 192.168.0.0/16",
			"v=1 a=203.0.113.7 a@192.168.0.0/16=10.0.0.1 a@10.0.0.0/8=10.0.0.1 state=up"},
		{ // what is advertised goes with the advertised address
			"address 10.0.0.1 advertise 203.0.113.7\nsip udp:5060 advertise udp:5070\niax 4569 advertise 4579\naddress 10.0.0.1 for 10.0.0.0/8",
			"v=1 a=203.0.113.7 sip=udp:5070 iax=4579 a@10.0.0.0/8=10.0.0.1 sip@10.0.0.0/8=udp:5060 iax@10.0.0.0/8=4569 state=up"},
		{ // unless a line says otherwise, for that network or one around it
			"address 10.0.0.1 for 10.1.0.0/16\naddress 203.0.113.7\nsip udp:5060 advertise udp:5070\nsip udp:5080 for 10.0.0.0/8",
			"v=1 a=203.0.113.7 sip=udp:5070 a@10.1.0.0/16=10.0.0.1 sip@10.0.0.0/8=udp:5080 state=up"},
		{ // IAX2 within only, both families
			"address 2001:db8::1 192.0.2.1\naddress 10.0.0.1 fd00::1 for 10.0.0.0/8 fd00::/8\niax 4569 for 10.0.0.0/8 fd00::/8",
			"v=1 a=2001:db8::1 a=192.0.2.1 a@10.0.0.0/8=10.0.0.1 a@10.0.0.0/8=fd00::1 iax@10.0.0.0/8=4569 " +
				"a@fd00::/8=10.0.0.1 a@fd00::/8=fd00::1 iax@fd00::/8=4569 state=up"},
		{"address 192.0.2.1 for 0.0.0.0/0", "v=1 a=10.0.0.1 a@0.0.0.0/0=192.0.2.1 state=up"},
	} {
		if got := tells(t, tt.block); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.block, got, tt.want)
		}
	}
}

// The node's own Asterisk is asked where it listens, whatever is advertised.
func TestOwnPortsAreThoseBeforeAdvertise(t *testing.T) {
	cfg, err := Read("Corefile", fmt.Appendf(nil, "fed.example {\nfederation {\nnode pbx-a\ngossip 10.0.0.1:7946 key %s/gossip.key\n"+
		"address 10.0.0.1 advertise 203.0.113.7\nsip udp:5060 advertise udp:5070\n}\n}\n", secrets(t)))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(cfg.OwnSIP, cfg.SIP, cfg.Sender()) != "[udp:5060] [udp:5070] 10.0.0.1" {
		t.Errorf("own %v, advertised %v, from %v", cfg.OwnSIP, cfg.SIP, cfg.Sender())
	}
}

func TestParseFacingErrors(t *testing.T) {
	many := func(line string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line+"\n", i)
		}
		return b.String()
	}
	for _, tt := range []struct{ block, want string }{
		{"address 10.0.0.1 for", "want VALUE... for NETWORK..."},
		{"address for 10.0.0.0/8", "want VALUE... for NETWORK..."},
		{"address 10.0.0.1 advertise 192.0.2.1 for 10.0.0.0/8", "want VALUE... for NETWORK..."},
		{"address 10.0.0.1 for 10.0.0.1/8", "no bit set behind the first BITS"},
		{"address 10.0.0.1 for 10.0.0.0", "address: netip.ParsePrefix"},
		{"address 10.0.0.1\naddress 10.0.0.2", `property "address" is given twice without "for"`},
		{"sip udp:5060\nsip tcp:5060", `property "sip" is given twice without "for"`},
		{"sip udp:5060 for 10.0.0.0/8\nsip tcp:5060 for 10.0.0.0/8", "sip for 10.0.0.0/8 is given twice"},
		{"iax 4569 for 10.0.0.0/8 10.0.0.0/8", "iax for 10.0.0.0/8 is given twice"},
		{"iax 4569 4570 for 10.0.0.0/8", "want a UDP port"},
		{"iax 4569 advertise 0", `iax "0": want a UDP port`},
		{"address 10.0.0.1 for 10.0.0.0/8\naddress 10.0.0.2 for 10.0.0.0/8", "address for 10.0.0.0/8 is given twice"},
		{many("iax 4569 for 10.%d.0.0/16", record.MaxHorizons+1), "want at most 16 networks in all"},
		{"address 10.0.0.1 advertise " + strings.ReplaceAll(many("192.0.2.%d", record.MaxAddrs+1), "\n", " "), "9 addresses, want 8 at most"},
		{"sip " + strings.ReplaceAll(many("udp:1%d", record.MaxTransports+1), "\n", " "), "9 transports, want 8 at most"},
	} {
		_, err := Read("Corefile", []byte("fed.example {\nfederation {\n"+tt.block+"\n}\n}\n"))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q:\n got %v\nwant …%s", tt.block, err, tt.want)
		}
	}
}
