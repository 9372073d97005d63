//go:build e2e

package threenodes

import (
	"encoding/binary"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// trunk answers whatever reaches the trunk of the example, which every node can
// use when it returns: a trunk that is down would prove nothing.
func trunk(t *testing.T) *lab.Phone {
	t.Helper()
	p, err := l.PhoneAt("trunk", "provider", "5099", "5102", "-deadcall_wait", "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	for _, n := range nodes() {
		_, _ = n.CLI("pjsip qualify trunk")
		if !lab.Poll(10*time.Second, func() bool {
			out, _ := n.CLI("pjsip show aor trunk")
			return strings.Contains(out, "Avail ")
		}) {
			out, _ := n.CLI("pjsip show aor trunk")
			t.Fatalf("%s cannot use the trunk: %s", n.Name, out)
		}
	}
	return p
}

// single makes a call that must start no channel but the caller's own, those
// that the prefixes allow excepted, and must not reach the trunk.
func single(t *testing.T, through *lab.Node, to string, tr *lab.Phone, allowed ...string) lab.Call {
	t.Helper()
	w, err := lab.WatchChannels(nodes()...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := l.Call("1002", through, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range w.Started() {
		ok := strings.HasPrefix(name, "PJSIP/1002-")
		for _, prefix := range allowed {
			ok = ok || strings.HasPrefix(name, prefix)
		}
		if !ok {
			t.Errorf("%s calls %q through %s: channel %s has started", "1002", to, through.Name, name)
		}
	}
	if n := tr.Invites(); n != 0 {
		t.Errorf("%d calls reached the trunk", n)
	}
	return r
}

// A phone registers contacts that would start calls of their own in Dial().
func TestRogueContact(t *testing.T) {
	tr := trunk(t)
	var wg sync.WaitGroup
	var accepted atomic.Int32
	for _, n := range nodes() {
		for _, contact := range []string{
			"sip:x@h&PJSIP/trunk/900", // PJSIP drops it
			"sip:x,30,U(lab)@h",
			"sip:1003@" + lab.PhoneAddress + ":6999;x=&PJSIP/trunk/900",
			"sip:x&PJSIP/trunk/900@h",
		} {
			wg.Go(func() {
				if l.Register("1003", n, contact, 60) == nil {
					accepted.Add(1)
				}
			})
		}
		t.Cleanup(func() { _ = l.Register("1003", n, "*", 0) })
	}
	wg.Wait()
	if accepted.Load() < 9 {
		t.Fatalf("%d contacts registered: this proves little", accepted.Load())
	}
	if !lab.Poll(5*time.Second, func() bool { return len(homes(a, "1003")) > 0 }) {
		t.Errorf("no home for 1003")
	}
	for _, n := range nodes() {
		if r := single(t, n, "1003", tr, "PJSIP/fed-"); r.Code != 404 {
			t.Errorf("call from %s: %d", n.Name, r.Code)
		}
	}
	figure("rogue contact", "%d contacts with & and , registered: no second channel, nothing at the trunk", accepted.Load())
}

// The digits that a caller dials, and what a phone forwards to.
func TestRogueCaller(t *testing.T) {
	tr := trunk(t)
	for _, n := range nodes() {
		for _, to := range []string{"1003%26PJSIP%2ftrunk%2f900", "1003,30,U(lab)", "fed", "trunk"} {
			if r := single(t, n, to, tr); r.Code < 400 {
				t.Errorf("call from %s to %q: %d", n.Name, to, r.Code)
			}
		}
	}
	f := phone(t, "1004", "forward", "-key", "forward", "PJSIP%2f900%40trunk")
	register(t, "1004", b, f.Contact)
	found(t, 5*time.Second, "1004", b, nodes()...)
	for _, n := range nodes() {
		single(t, n, "1004", tr, "PJSIP/fed-", "PJSIP/1004-")
	}
	figure("rogue caller", "%d calls: nothing at the trunk", 5*len(nodes()))
}

// rogues are what a rogue name server publishes, by the user asked for.
var rogues = map[string]string{
	"1901": "sip:x@h&PJSIP/trunk/900",
	"1902": "sip:x,30,U(lab)@h",
	"1903": "sip:1903@pbx-b.nodes.fed.example&PJSIP/trunk/900",
	"1904": "sip:1904@pbx-b.nodes.fed.example,30,U(lab)",
	"1905": "sip:1905&PJSIP/trunk/900@pbx-b.nodes.fed.example",
	"1906": "sip:1906@" + lab.PhoneAddress + ":5099",
	"1907": "sip:1907@pbx-b.nodes.fed.example.evil.example",
	"1908": "sip:x@PJSIP@pbx-b.nodes.fed.example",
	"1909": "sip:${SHELL(id)}@pbx-b.nodes.fed.example",
	"1910": `sip:"]&PJSIP/trunk/900@pbx-b.nodes.fed.example`,
	"1911": "iax2:fed@h&PJSIP/trunk/900",
	"1912": "iax2:fed@pbx-b.nodes.fed.example/1912&PJSIP/trunk/900",
}

// rogueAnswer is the answer to a query (RFC 1035 §4.1, RFC 3403 §4.1).
func rogueAnswer(query []byte) []byte {
	uri, ok := rogues[string(query[13:13+int(query[12])])]
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	answer := append([]byte{}, query[:end]...)
	answer[2], answer[3] = 0x85, 0x80
	clear(answer[6:12])
	if !ok || answer[end-3] != 35 {
		answer[3] |= 3
		return answer
	}
	service := "E2U+" + strings.SplitN(uri, ":", 2)[0]
	record := []byte{0, 100, 0, 10}
	for _, s := range []string{"u", service, "!^.*$!" + uri + "!"} {
		record = append(append(record, byte(len(s))), s...)
	}
	record = append(record, 0)
	answer[7] = 1
	answer = append(answer, 0xc0, 12, 0, 35, 0, 1, 0, 0, 0, 5)
	return append(binary.BigEndian.AppendUint16(answer, uint16(len(record))), record...)
}

// A peer's name server publishes results that would start calls in Dial().
func TestRoguePeer(t *testing.T) {
	conn, err := l.ListenUDP(lab.PhoneAddress + ":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var asked atomic.Int32
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			asked.Add(1)
			_, _ = conn.(*net.UDPConn).WriteTo(rogueAnswer(buf[:n]), from)
		}
	}()
	tr := trunk(t)
	calls := 0
	for _, n := range []*lab.Node{a, b} {
		old := n.Read("/etc/resolv.conf")
		t.Cleanup(func() { _ = n.Write("/etc/resolv.conf", old) })
		if err := n.Write("/etc/resolv.conf", "nameserver "+lab.PhoneAddress+"\noptions timeout:1 attempts:1\n"); err != nil {
			t.Fatal(err)
		}
		for user, uri := range rogues {
			if strings.HasPrefix(uri, "iax2") {
				user = "*4" + user
			}
			before := asked.Load()
			if r := single(t, n, user, tr); r.Code != 404 {
				t.Errorf("%s publishes %s: call from %s got %d\n%s", user, uri, n.Name, r.Code, r.Log)
			}
			if asked.Load() == before {
				t.Errorf("%s has not asked the rogue name server", n.Name)
			}
			calls++
		}
	}
	figure("rogue peer", "%d calls to %d rogue results: no second channel, nothing at the trunk", calls, len(rogues))
}
