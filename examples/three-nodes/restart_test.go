//go:build e2e

package threenodes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

const (
	manyUsers = 1000
	rate      = 500 // queries a second at each node
)

// crowd gives node B accounts for a thousand users and registers them.
func crowd(t *testing.T) (names []string) {
	t.Helper()
	const file = "/etc/asterisk/pjsip_wizard.conf"
	old := b.Read(file)
	var accounts, list strings.Builder
	list.WriteString("SEQUENTIAL\n")
	for i := range manyUsers {
		user := fmt.Sprintf("%d", 20000+i)
		names = append(names, user+".users.fed.example")
		fmt.Fprintf(&accounts, "[%s](phone)\ninbound_auth/username = %s\ninbound_auth/password = %s\n", user, user, lab.Password(user))
		fmt.Fprintf(&list, "%s;[authentication username=%s password=%s]\n", user, user, lab.Password(user))
	}
	if err := b.Append(file, accounts.String()); err != nil {
		t.Fatal(err)
	}
	reload(t)
	t.Cleanup(func() {
		_ = b.Write(file, old)
		reload(t)
	})
	csv := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(csv, []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.RegisterMany(b, csv, manyUsers, 200, 3000); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.RegisterMany(b, csv, manyUsers, 200, 0) })
	return names
}

func reload(t *testing.T) {
	t.Helper()
	if _, err := b.CLI("module reload res_pjsip_config_wizard.so"); err != nil {
		t.Error(err)
	}
	if _, err := b.CLI("module reload res_pjsip.so"); err != nil {
		t.Error(err)
	}
}

// Asterfed restarts on the node of a thousand users while every node is asked
// for them: no node denies one of them.
func TestRestart(t *testing.T) {
	names := crowd(t)
	for _, n := range nodes() {
		if !lab.Poll(15*time.Second, func() bool {
			return len(n.Dig("@127.0.0.1", names[manyUsers-1], "NAPTR")) > 0 && len(n.Dig("@127.0.0.1", names[0], "NAPTR")) > 0
		}) {
			t.Fatalf("%s does not know the users", n.Name)
		}
	}
	for _, r := range []struct {
		name string
		end  func()
	}{
		{"asterfed restarted", b.StopFederator},
		{"asterfed killed and started", b.KillFederator},
	} {
		var loads []*lab.Load
		for _, n := range nodes() {
			load, err := n.Ask(names, rate)
			if err != nil {
				t.Fatal(err)
			}
			loads = append(loads, load)
		}
		time.Sleep(2 * time.Second) // at a steady rate
		start := time.Now()
		r.end()
		if err := b.StartFederator(); err != nil {
			t.Fatal(err)
		}
		lab.Poll(20*time.Second, func() bool { return len(b.Dig("@127.0.0.1", names[0], "NAPTR")) > 0 })
		silent := time.Since(start)
		time.Sleep(6 * time.Second) // until its registrations are listed again
		for i, load := range loads {
			got := load.Stop()
			n := nodes()[i]
			others := got.Rcode
			others[0], others[lab.NXDOMAIN] = 0, 0
			figure(r.name, "%s: %d queries, %d answers with records, %d NXDOMAIN, %d other responses", n.Name, got.Asked, got.Records, got.Rcode[lab.NXDOMAIN], sum(others))
			if got.Rcode[lab.NXDOMAIN] != 0 {
				t.Errorf("%s: %s denied %d times a user that is registered (%s)", r.name, n.Name, got.Rcode[lab.NXDOMAIN], got.Wrong)
			}
			if n != b && got.Records < got.Asked*99/100 || got.Records < got.Asked/4 {
				t.Errorf("%s: %s gave records %d times for %d queries", r.name, n.Name, got.Records, got.Asked)
			}
		}
		figure(r.name, "%s answers again after %s", b.Name, ms(silent))
	}
}

func sum(counts [16]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
