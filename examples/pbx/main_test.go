//go:build e2e

package pbx

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// The laboratory that all tests share.
var (
	l       *lab.Lab
	a, b, c *lab.Node
)

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if l, err = lab.New("../.."); err == nil && *capture == "" {
		err = startNodes()
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Println(err)
	}
	if keep := os.Getenv("LAB_LOGS"); keep != "" && l != nil {
		l.SaveLogs(keep)
	}
	if l != nil {
		l.Close()
	}
	os.Exit(code)
}

// added is what this example adds to the Corefile of examples/three-nodes.
const added = `
        directory   /etc/asterfed/directory.csv region IL
        trunks      /etc/asterfed/trunks.csv
        rooms       5*
        queues      6*
        parking     70?
        dial        country 972 national 0 international 00
        isn         256
        data `

func startNodes() error {
	start := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, v := range []string{"16", "22", "22"} {
		name := "pbx-" + string(rune('a'+i))
		n, err := l.AddNode(name, fmt.Sprintf("10.88.0.%d", i+1), v, "../three-nodes/"+name)
		if err != nil {
			return err
		}
		if err := configure(n); err != nil {
			return err
		}
		*[]**lab.Node{&a, &b, &c}[i] = n
		wg.Go(func() {
			if errs[i] = n.StartFederator(); errs[i] == nil {
				errs[i] = n.StartAsterisk()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for _, n := range nodes() {
		for _, o := range nodes() {
			if !lab.Poll(20*time.Second, func() bool { return len(n.Dig("@127.0.0.1", o.Name+".nodes.fed.example", "A")) == 1 }) {
				return fmt.Errorf("%s does not know %s: %s", n.Name, o.Name, n.Log("asterfed"))
			}
		}
	}
	figure("three nodes up", "%s", ms(time.Since(start)))
	return nil
}

// configure adds this example's files to a node.
func configure(n *lab.Node) error {
	read := func(path string) string {
		data, _ := os.ReadFile(path)
		return string(data)
	}
	trunks := read("asterfed/" + n.Name + ".csv")
	if trunks == "" {
		trunks = "trunk,route\n"
	}
	for path, text := range map[string]string{
		"/etc/asterfed/directory.csv":        read("asterfed/directory.csv"),
		"/etc/asterfed/trunks.csv":           trunks,
		"/etc/asterfed/Corefile":             strings.Replace(n.Read("/etc/asterfed/Corefile"), "\n        data ", added, 1),
		"/etc/asterisk/extensions_site.conf": read("asterisk/extensions_site.conf"),
		"/etc/asterisk/queues.conf":          read("asterisk/queues.conf"),
		"/etc/asterisk/res_parking.conf":     read("asterisk/res_parking.conf"),
		"/etc/asterisk/pjsip_trunk.conf":     read("asterisk/pjsip_trunk-" + n.Name + ".conf"),
		"/etc/asterisk/manager.conf": strings.Replace(n.Read("/etc/asterisk/manager.conf"),
			"read = system,security\nwrite = system\n", "read = system,security,call,agent\nwrite = system,reporting,call\n", 1) +
			"\n[watch]\nsecret = watch\nread = system\n",
	} {
		if err := n.Write(path, text); err != nil {
			return err
		}
	}
	return nil
}

func nodes() []*lab.Node { return []*lab.Node{a, b, c} }

// figure prints what a test has measured.
func figure(name, format string, args ...any) {
	fmt.Printf("e2e: %s: %s\n", name, fmt.Sprintf(format, args...))
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// homes returns where a node says that calls for a name go, best first.
func homes(n *lab.Node, name string) []string {
	var out []string
	lines := n.Dig("@127.0.0.1", name+".fed.example", "NAPTR")
	slices.Sort(lines) // by order and preference, which have equal widths
	for _, line := range lines {
		if !strings.Contains(line, `"E2U+sip"`) {
			continue
		}
		_, rest, _ := strings.Cut(line, "@")
		home, _, _ := strings.Cut(rest, ".")
		out = append(out, home)
	}
	return out
}

// lead waits until every node gives the name these homes, and returns after
// how long.
func lead(t *testing.T, limit time.Duration, name string, want ...string) time.Duration {
	t.Helper()
	start := time.Now()
	for _, n := range nodes() {
		if !lab.Poll(limit-time.Since(start), func() bool { return slices.Equal(homes(n, name), want) }) {
			t.Fatalf("%s gives %s the homes %q after %s, want %q\n%s", n.Name, name, homes(n, name), limit, want, n.Log("asterfed"))
		}
	}
	return time.Since(start)
}

// phone starts a phone that is registered at the node until the test ends.
func phone(t *testing.T, user, scenario string, at *lab.Node) *lab.Phone {
	t.Helper()
	p, err := l.Phone(user, scenario)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := l.Register(user, at, p.Contact, 3000); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Register(user, at, "*", 0) })
	return p
}

// call makes a short call and checks its final response.
func call(t *testing.T, user string, through *lab.Node, to string, code int) lab.Call {
	t.Helper()
	r, err := l.Call(user, through, to)
	if err != nil {
		t.Fatal(err)
	}
	if r.Code == 0 {
		t.Fatalf("%s calls %s through %s: no final response after %s\n%s", user, to, through.Name, ms(r.After), r.Log)
	}
	if r.Code != code {
		log := through.Read("/var/log/asterisk/full")
		t.Errorf("%s calls %s through %s: got %d after %s, want %d\n%s\n%s", user, to, through.Name, r.Code, ms(r.After), code, r.Log, log[max(0, len(log)-6000):])
	}
	return r
}
