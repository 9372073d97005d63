package serf

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Neither side has a seed: the restarted node finds the others by what it kept,
// be it Serf's snapshot or the list of peers.
func TestRejoin(t *testing.T) {
	for _, lost := range []string{"serf.peers.json", "serf.snapshot"} {
		t.Run("without "+lost, func(t *testing.T) {
			t.Parallel()
			a := startNode(t, "a")
			dir := t.TempDir()
			b := startNode(t, "b", joining(a), withDir(dir))
			a.await(t, EventJoin, "b")
			b.await(t, EventJoin, "a")
			b.Shutdown()
			a.await(t, EventFailed, "b")

			if err := os.Remove(filepath.Join(dir, lost)); err != nil {
				t.Fatal(err)
			}
			// At a new address, so that the survivor cannot be the one who calls.
			startNode(t, "b", withDir(dir), withBind("127.0.0.3:0"))
			a.await(t, EventJoin, "b")
		})
	}
}

func TestPeers(t *testing.T) {
	addr := func(n byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), defaultPort)
	}
	file := filepath.Join(t.TempDir(), "peers")
	open := func() *peers {
		p, err := openPeers("self", file)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := open()
	steps := []struct {
		name    string
		members []Member
		want    []peer
	}{
		{"all there", []Member{
			{Name: "self", Addr: addr(9), Status: StatusAlive},
			{Name: "a", Addr: addr(1), Status: StatusAlive},
			{Name: "b", Addr: addr(2), Status: StatusAlive},
			{Name: "c", Addr: addr(3), Status: StatusLeaving},
		}, nil},
		{"failed and left", []Member{
			{Name: "a", Addr: addr(1), Status: StatusFailed},
			{Name: "b", Addr: addr(2), Status: StatusAlive},
			{Name: "c", Addr: addr(3), Status: StatusLeft},
		}, []peer{{"a", addr(1)}}},
		{"forgotten by Serf", nil, []peer{{"a", addr(1)}, {"b", addr(2)}}},
		{"back elsewhere", []Member{{Name: "a", Addr: addr(4), Status: StatusAlive}}, []peer{{"b", addr(2)}}},
		{"address taken over", []Member{{Name: "x", Addr: addr(2), Status: StatusAlive}}, []peer{{"a", addr(4)}}},
	}
	for _, s := range steps {
		if got := p.observe(s.members); !reflect.DeepEqual(got, s.want) {
			t.Errorf("%s: missing %v, want %v", s.name, got, s.want)
		}
		if err := p.save(); err != nil {
			t.Fatal(err)
		}
		p = open() // every step survives a restart
	}
	if got, want := p.observe(nil), []peer{{"a", addr(4)}, {"x", addr(2)}}; !reflect.DeepEqual(got, want) {
		t.Errorf("in the end %v are missing, want %v", got, want)
	}
}

func TestPeersDamaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peers")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openPeers("self", file)
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v does not name the file", err)
	}
	if p.observe(nil) != nil {
		t.Error("peers out of nothing")
	}
}
