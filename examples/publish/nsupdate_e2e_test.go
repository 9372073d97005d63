//go:build e2e

package publish

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// nsupdate sends what it is told, and returns what it says; nothing is fine.
func (n *node) nsupdate(t *testing.T, key, commands string) string {
	t.Helper()
	out, _ := n.command(t.Context(), "server "+n.ip+" 5470\nzone "+apex+"\n"+commands+"\nsend\n", "nsupdate", "-k", key+".key")
	return strings.TrimSpace(out)
}

func add(digits string) string {
	name := ""
	for _, d := range digits {
		name = string(d) + "." + name
	}
	return "update add " + name + "e164." + apex + ` 0 TXT "k=number"`
}

// nsupdate tells the rcodes, and what it is refused changes nothing.
func TestNsupdateRefused(t *testing.T) {
	n := newLab(t).start(t, "pbx-a", "127.0.0.77", "", "")
	if out := n.nsupdate(t, "update", add("10")+"\n"+add("20")); out != "" {
		t.Fatalf("nsupdate: %s", out)
	}
	before := n.zone(t)
	for _, c := range []struct{ name, key, commands, want string }{
		{"wrong secret", "wrong", add("11"), "NOTAUTH(BADSIG)"},
		{"unknown key", "unknown", add("11"), "NOTAUTH(BADKEY)"},
		{"transfer key", "transfer", add("11"), "REFUSED"},
		{"name not allowed", "few", add("2"), "REFUSED"},
		{"kind not allowed", "few", "update add 1.users." + apex + ` 0 TXT "k=user"`, "REFUSED"},
		{"not allowed to withdraw", "few", "update delete 0.2.e164." + apex, "REFUSED"},
		{"one of several not allowed", "few", add("12") + "\n" + add("2"), "REFUSED"},
		{"another type", "update", "update add 1.e164." + apex + " 0 A 192.0.2.1", "REFUSED"},
		{"another zone", "update", "zone pbx-b.homes.fed.example\nupdate add 1.e164.pbx-b.homes.fed.example 0 TXT k=number", "NOTAUTH"},
		{"the federation zone", "update", "zone fed.example\nupdate add 1.e164.fed.example 0 TXT k=number", "NOTAUTH"},
		{"outside the zone", "update", "update add 1.e164.pbx-b.homes.fed.example 0 TXT k=number", "NOTZONE"},
		{"name in use", "update", "prereq nxdomain 0.1.e164." + apex + "\n" + add("10"), "YXDOMAIN"},
		{"name not in use", "update", "prereq yxdomain 1.1.e164." + apex + "\n" + add("11"), "NXDOMAIN"},
		{"RRset there", "update", "prereq nxrrset 0.1.e164." + apex + " TXT\n" + add("11"), "YXRRSET"},
		{"RRset not there", "update", "prereq yxrrset 0.1.e164." + apex + ` TXT "k=prefix"` + "\n" + add("11"), "NXRRSET"},
	} {
		out := n.nsupdate(t, c.key, c.commands)
		if !strings.Contains(out, c.want) {
			t.Errorf("%s: nsupdate says %q, want %s", c.name, out, c.want)
		}
		if after := n.zone(t); after != before {
			t.Fatalf("%s: the zone was\n%s\nand is\n%s", c.name, before, after)
		}
	}
	big := ""
	for i := range 300 { // nsupdate takes TCP for it
		big += add(fmt.Sprint(1000+i)) + "\n"
	}
	if out := n.nsupdate(t, "few", big); out != "" {
		t.Errorf("300 numbers at once: %s", out)
	}
	if got := strings.Count(n.zone(t), "\n"); got != 302 {
		t.Errorf("%d records, want 302", got)
	}
}

// What NOERROR was said to is there after kill -9 in the same moment.
func TestKilledAfterNoerror(t *testing.T) {
	n := newLab(t).start(t, "pbx-a", "127.0.0.78", "", "")
	const kills = 50
	for i := range kills {
		raw := signed(t, message(t, fmt.Sprint(i%10, ".", i/10)), n.key["update"], 0, 300)
		if got := rcode(n.overTCP(t, raw)); got != "NOERROR" {
			t.Fatalf("update %d: %s", i, got)
		}
		n.kill()
		n.run(t)
	}
	if got := strings.Count(n.zone(t), `"k=number"`); got != kills {
		t.Errorf("%d of %d numbers are there after %d kills", got, kills, kills)
	}
	// What ends does so while nobody runs, too.
	if out := n.nsupdate(t, "update", "update add 9.e164."+apex+` 0 TXT "k=number" "x=+1s"`); out != "" {
		t.Fatal(out)
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	n.cmd.Wait()
	n.run(t)
	n.awaitAnswer(t, "9.e164."+origin, dns.TypeNAPTR, "NXDOMAIN")
	n.awaitAnswer(t, "0.0.1.e164."+origin, dns.TypeNAPTR, "pbx-a")
}

// Another node answers what was published some milliseconds later.
func TestAnotherNodeKnows(t *testing.T) {
	l := newLab(t)
	a := l.start(t, "pbx-a", "127.0.0.79", "", "")
	b := l.start(t, "pbx-b", "127.0.0.80", "join 127.0.0.79:7946", "")
	b.awaitAnswer(t, "pbx-a.nodes."+origin, dns.TypeA, "127.0.0.79")
	var took []time.Duration
	for i := range 20 {
		raw := signed(t, message(t, fmt.Sprint(i%10, ".", i/10)), l.key["update"], 0, 300)
		start := time.Now()
		if got := rcode(a.overTCP(t, raw)); got != "NOERROR" {
			t.Fatal(got)
		}
		b.awaitAnswer(t, fmt.Sprint(i%10, ".", i/10, ".1.e164.")+origin, dns.TypeNAPTR, "pbx-a")
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("from sending an update to pbx-a until pbx-b answers: median %v, longest %v", took[10], took[19])
	if took[10] > time.Second {
		t.Errorf("the median is %v", took[10])
	}
}

// With a full disk an update is SERVFAIL and changes nothing; afterwards it
// works again.
func TestFullDisk(t *testing.T) {
	l := newLab(t)
	data := filepath.Join(l.dir, "data-pbx-a")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatalf("mount a small disk (as root): %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(data, syscall.MNT_DETACH) })
	n := l.start(t, "pbx-a", "127.0.0.81", "", "")
	if out := n.nsupdate(t, "update", add("10")); out != "" {
		t.Fatal(out)
	}
	before := n.zone(t)
	filler := filepath.Join(data, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 1024); err == nil; {
		_, err = f.Write(chunk)
	}
	f.Close()
	for i := range 3 { // one may fit into the last page of a file
		commands := "update delete 0.1.e164." + apex + "\n"
		for j := range 90 {
			commands += add(fmt.Sprintf("2%d%d", i, 10+j)) + "\n"
		}
		out := n.nsupdate(t, "update", commands)
		if out == "" {
			before = n.zone(t)
			continue
		}
		if !strings.Contains(out, "SERVFAIL") {
			t.Fatalf("with a full disk nsupdate says %q, want SERVFAIL", out)
		}
		if after := n.zone(t); after != before {
			t.Fatalf("the zone was\n%s\nand is\n%s", before, after)
		}
		before += "\nfull"
		break
	}
	if !strings.HasSuffix(before, "full") {
		t.Fatal("the disk never was full")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if out := n.nsupdate(t, "update", add("30")); out != "" {
		t.Fatalf("with space again: %s", out)
	}
	after := n.zone(t)
	n.kill()
	n.run(t)
	if got := n.zone(t); !strings.Contains(got, "0.3.e164."+apex) || strings.Count(got, "\n") != strings.Count(after, "\n") {
		t.Errorf("after a restart the zone is\n%s\nwant\n%s", got, after)
	}
}

// command runs a program in the lab's folder.
func (l *lab) command(ctx context.Context, stdin string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir, c.Stdin = l.dir, strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err
}

// awaitAnswer waits until the answer holds want.
func (n *node) awaitAnswer(t *testing.T, name string, qtype uint16, want string) {
	t.Helper()
	await(t, func() error {
		got, err := n.query(name, qtype)
		if err == nil && !strings.Contains(got, want) {
			err = fmt.Errorf("%s at %s is %s, want %s", name, n.name, got, want)
		}
		return err
	})
}
