//go:build e2e

// Package threenodes runs the example of this folder with real Asterisks and
// phones, and asserts on what an operator sees: calls, the words of SIPp,
// Asterisk and dig. Every test prints its figures as "e2e: name: figure".
package threenodes

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

// The laboratory that all tests share. Each leaves it as it was.
var (
	l       *lab.Lab
	a, b, c *lab.Node
)

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if l, err = lab.New("../.."); err == nil {
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

func startNodes() error {
	start := time.Now()
	for i, v := range []string{"16", "22", "22"} {
		name := "pbx-" + string(rune('a'+i))
		n, err := l.AddNode(name, fmt.Sprintf("10.88.0.%d", i+1), v, name)
		if err != nil {
			return err
		}
		if err := n.StartFederator(); err != nil {
			return err
		}
		*[]**lab.Node{&a, &b, &c}[i] = n
	}
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, n := range nodes() {
		wg.Go(func() { errs[i] = n.StartAsterisk() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for _, n := range nodes() {
		if err := level(n, nodes()...); err != nil {
			return err
		}
	}
	figure("three nodes up", "%s", since(start))
	return nil
}

func nodes() []*lab.Node { return []*lab.Node{a, b, c} }

// level waits until the node knows the addresses of the others.
func level(n *lab.Node, others ...*lab.Node) error {
	for _, o := range others {
		if !lab.Poll(20*time.Second, func() bool {
			return slices.Equal(n.Dig("@127.0.0.1", o.Name+".nodes.fed.example", "A"), []string{o.Address})
		}) {
			return fmt.Errorf("%s does not know %s: %s", n.Name, o.Name, n.Log("asterfed"))
		}
	}
	return nil
}

// figure prints what a test has measured.
func figure(name, format string, args ...any) {
	fmt.Printf("e2e: %s: %s\n", name, fmt.Sprintf(format, args...))
}

func since(t time.Time) string { return ms(time.Since(t)) }

func ms(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// homes returns where a node says that the user lives, best first.
func homes(n *lab.Node, user string) []string {
	var out []string
	lines := n.Dig("@127.0.0.1", user+".users.fed.example", "NAPTR")
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

// best reports whether the node says that the user's best home is that one;
// nil stands for none at all.
func best(at *lab.Node, user string, home *lab.Node) bool {
	got := homes(at, user)
	if home == nil {
		return len(got) == 0
	}
	return len(got) > 0 && got[0] == home.Name
}

// found waits until all of the nodes give the user that home.
func found(t *testing.T, limit time.Duration, user string, home *lab.Node, at ...*lab.Node) time.Duration {
	t.Helper()
	start := time.Now()
	for _, n := range at {
		if !lab.Poll(limit-time.Since(start), func() bool { return best(n, user, home) }) {
			t.Fatalf("%s gives %s the homes %q after %s", n.Name, user, homes(n, user), limit)
		}
	}
	return time.Since(start)
}

// phone starts a phone; it ends with the test.
func phone(t *testing.T, user, scenario string, args ...string) *lab.Phone {
	t.Helper()
	p, err := l.Phone(user, scenario, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// register registers the phone until the test ends.
func register(t *testing.T, user string, at *lab.Node, contact string) {
	t.Helper()
	if err := l.Register(user, at, contact, 3000); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Register(user, at, "*", 0) })
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
		t.Errorf("%s calls %s through %s: got %d after %s, want %d\n%s", user, to, through.Name, r.Code, ms(r.After), code, r.Log)
	}
	return r
}
