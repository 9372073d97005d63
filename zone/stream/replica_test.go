package stream

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

func TestReplica(t *testing.T) {
	home := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5e9}).Home("pbx-b")
	node := record.Node{Name: "pbx-b", State: record.Up, Region: "eu", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.2")}, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
	home.Replace(record.Version{Epoch: record.NewEpoch(), Serial: 7}, &node, []location.Binding{{AOR: "1001", Kind: location.PJSIP, Contact: 1, Stamp: 1 << 40},
		{AOR: "Alice.Smith", Kind: location.PJSIP, Contact: 2, Stamp: 2 << 40}, {AOR: "+97231234000", Kind: location.SIP, Contact: 3}})
	file := ReplicaFile(t.TempDir(), "pbx-b")
	if err := WriteReplica(file, home, origin, "192.0.2.2:53", 5); err != nil {
		t.Fatal(err)
	}
	if node, ok := ReplicaNode(file); !ok || node != "pbx-b" {
		t.Errorf("ReplicaNode is %q, %v", node, ok)
	}
	got, addr, err := ReadReplica(file, "pbx-b", origin)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := home.Node()
	if addr != "192.0.2.2:53" || got.Version != home.Version() || got.Node == nil || !got.Node.Equal(want) {
		t.Errorf("got %v of %s, node %+v; want %v, node %+v", got.Version, addr, got.Node, home.Version(), want)
	}
	sort := func(x, y location.Binding) int { return strings.Compare(string(x.AOR), string(y.AOR)) }
	have := home.Bindings()
	slices.SortFunc(have, sort)
	slices.SortFunc(got.Bindings, sort)
	if !slices.Equal(have, got.Bindings) {
		t.Errorf("bindings are %v, want %v", got.Bindings, have)
	}
	if left, _ := filepath.Glob(file + ".tmp"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestReplicaThatCannotBeUsed(t *testing.T) {
	apex := record.HomeZone("pbx-b", origin)
	soa := apex + " 5 IN SOA pbx-b.nodes.fed.example. epoch-e.hostmaster.fed.example. 7 60 10 604800 5\n"
	for text, want := range map[string]string{
		"":                     "first line",
		soa:                    "first line",
		"; dns a:1\n" + soa:    "before its closing SOA",
		"; dns a:1\nrubbish\n": "zone: dns",
		"; dns a:1\n" + strings.ReplaceAll(soa, "pbx-b.homes", "pbx-c.homes"): "SOA of pbx-c",
	} {
		file := ReplicaFile(t.TempDir(), "pbx-b")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadReplica(file, "pbx-b", origin)
		if err == nil || want != "zone: dns" && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want …%s", text, err, want)
		}
	}
}

// What is written and read line by line is what package dns writes and reads;
// a file that somebody has edited is read as any master file.
func TestReplicaIsAMasterFile(t *testing.T) {
	v := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5e9})
	home := v.Home("pbx-b")
	home.Replace(record.Version{Epoch: "e", Serial: 9}, &record.Node{Name: "pbx-b", State: record.Up}, mixed(t, 300))
	file := ReplicaFile(t.TempDir(), "pbx-b")
	if err := WriteReplica(file, home, origin, "192.0.2.2:53", 5); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("; dns 192.0.2.2:53\n")
	if err := AnswerRecords(Replica{home}, Query{Origin: origin, Apex: record.HomeZone("pbx-b", origin), TTL: 5}, func(rrs []dns.RR) error {
		for _, rr := range rrs {
			text.WriteString(rr.String() + "\n")
		}
		return nil
	}); err != nil || text.String() != string(raw) {
		t.Errorf("written was\n%s\nwant\n%s", raw, text.String())
	}
	want, _, err := ReadReplica(file, "pbx-b", origin)
	if err != nil || len(want.Bindings) != len(mixed(t, 300)) {
		t.Fatalf("%v, %v", want, err)
	}
	line := []byte("1001.users.pbx-b.homes.fed.example.\t5\tIN\tTXT\t\"v=1\" \"k=sip\" \"c=00000000000000ff\" \"t=0000000000000010\"")
	if b, ok := lineBinding(line, []byte(".users.pbx-b.homes.fed.example.\t")); !ok || b != (location.Binding{AOR: "1001", Kind: location.SIP, Contact: 255, Stamp: 16}) {
		t.Errorf("line is %v, %v", b, ok)
	}
	folded := strings.Replace(string(raw), "\t\"v=1\"", "\t(\n  \"v=1\"\n)", 5)
	for i, other := range []string{strings.ReplaceAll(string(raw), "\tIN\t", " IN "), "; dns a:1\n$TTL 7\n" + string(raw), folded} {
		if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		got, _, err := ReadReplica(file, "pbx-b", origin)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("edited file %d: %v, want %v; %v", i, got, want, err)
		}
	}
}

// What is read off a line is what package dns reads there.
func FuzzLine(f *testing.F) {
	apex := record.HomeZone("pbx-b", origin)
	f.Add("1001.users." + apex + "\t5\tIN\tTXT\t\"v=1\" \"k=sip\" \"c=00000000000000ff\" \"t=0000000000000010\"")
	f.Add("a.b.users." + apex + "\t5\tIN\tTXT\t\"v=1\" \"k=pjsip\" \"c=00000000000000ff\"")
	f.Add("a.b.users." + apex + "\t\tIN\tTXT\t\"v=1\" \"k=iax2\" \"c=0000000000000000\"")
	f.Fuzz(func(t *testing.T, line string) {
		got, ok := lineBinding([]byte(line), []byte(".users."+apex+"\t"))
		if !ok {
			return
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			return // a TTL beyond 32 bits: what it says is not used
		}
		want, _, err := record.ParseTXT(rr.(*dns.TXT), apex)
		if err != nil || got != want {
			t.Errorf("%q is %v, want %v, %v", line, got, want, err)
		}
	})
}
