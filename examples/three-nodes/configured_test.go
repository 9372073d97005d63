//go:build e2e

package threenodes

import (
	"strings"
	"testing"
	"time"
)

// 1009 is deleted from the configuration of its node while its phone is
// registered there. Asterisk lists the contact until it expires, also after a
// restart, but no call reaches it.
func TestDeletedUser(t *testing.T) {
	const file = "/etc/asterisk/pjsip_wizard.conf"
	for _, n := range nodes()[:2] { // Asterisk 16 and 22
		t.Run(n.Name, func(t *testing.T) {
			p := phone(t, "1009", "answer")
			if err := l.Register("1009", n, p.Contact, 3000); err != nil {
				t.Fatal(err)
			}
			found(t, 5*time.Second, "1009", n, nodes()...)
			all := n.Read(file)
			before, rest, _ := strings.Cut(all, "[1009](phone)\n")
			_, after, _ := strings.Cut(rest, "\n\n")
			_ = n.Write(file, before+after)
			if _, err := n.CLI("core reload"); err != nil {
				t.Fatal(err)
			}
			figure("deleted", "a user that was deleted at %s is withdrawn %s after the reload", n.Name, ms(found(t, 10*time.Second, "1009", nil, nodes()...)))
			if list, _ := n.CLI("pjsip show contacts"); !strings.Contains(list, "1009/") {
				t.Errorf("Asterisk does not list the contact: nothing was tested\n%s", list)
			}
			n.StopAsterisk()
			if err := n.StartAsterisk(); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if !best(n, "1009", nil) {
					t.Fatalf("after a restart the deleted user is published\n%s", n.Log("asterfed"))
				}
			}
			_ = n.Write(file, all)
			if _, err := n.CLI("core reload"); err != nil {
				t.Fatal(err)
			}
			found(t, 10*time.Second, "1009", n, nodes()...)
			if err := l.Register("1009", n, "*", 0); err != nil {
				t.Error(err)
			}
			found(t, 10*time.Second, "1009", nil, nodes()...)
		})
	}
}

// An eventfilter of the manager user stops nothing: not the start of Asterisk,
// and not the registrations afterwards.
func TestEventFilter(t *testing.T) {
	const file = "/etc/asterisk/manager.conf"
	for _, n := range nodes()[:2] {
		all := n.Read(file)
		for _, filter := range []string{"ContactStatus", "!FullyBooted", "Event: Nothing"} {
			t.Run(n.Name+" "+filter, func(t *testing.T) {
				_ = n.Write(file, strings.Replace(all, "\nwrite = system\n", "\nwrite = system\neventfilter = "+filter+"\n", 1))
				n.StopAsterisk()
				if err := n.StartAsterisk(); err != nil {
					t.Fatal(err)
				}
				p := phone(t, "1009", "answer")
				register(t, "1009", n, p.Contact)
				figure("eventfilter", "%s at %s: a registration is known %s after it", filter, n.Name, ms(found(t, 15*time.Second, "1009", n, nodes()...)))
			})
		}
		_ = n.Write(file, all)
		n.StopAsterisk()
		if err := n.StartAsterisk(); err != nil {
			t.Fatal(err)
		}
	}
}
