package registrations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
)

// TestDeletedAORIsWithdrawn: Asterisk goes on listing the contacts of an AOR
// that was deleted from its configuration, also when it is started again.
func TestDeletedAORIsWithdrawn(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		until := time.Now().Add(time.Hour)
		b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: until},
			amitest.Contact{AOR: "1002", URI: "sip:1002@192.0.2.2", Endpoint: "desk-9", Expires: until},
			amitest.Contact{AOR: "1003", URI: "sip:1003@192.0.2.3", Endpoint: "desk-9", Expires: until})
		b.connect()
		b.rec.take()
		b.Deprovision("1001", "1002")
		b.Reload("All")
		b.advance(2 * time.Second)
		got := b.rec.take()
		if !strings.Contains(got, "listed 1001 pjsip []") || !strings.Contains(got, "listed 1002 pjsip []") || strings.Contains(got, "listed 1003") {
			b.Errorf("after the reload:\n%s", indent(got))
		}
		if n, want := b.src.Stats().Unconfigured, 2; n != want {
			b.Errorf("counted %d AORs that are not configured, want %d", n, want)
		}
		if err := b.Restart(); err != nil {
			b.Fatal(err)
		}
		b.advance(10 * time.Minute)
		if got := b.rec.take(); strings.Contains(got, "1001") || strings.Contains(got, "1002") {
			b.Errorf("after a restart:\n%s", indent(got))
		}
		b.Provision("1001") // it was a mistake
		b.Reload("All")
		b.advance(2 * time.Second)
		if got := b.rec.take(); !strings.HasSuffix(got, "listed 1001 pjsip [1001 "+uri1+" until 1h0m0s]") {
			b.Errorf("configured again:\n%s", indent(got))
		}
		b.Provision("1002")
		b.Register("1002", "sip:1002@192.0.2.22", time.Hour)
		b.advance(100 * time.Millisecond)
		if got := b.rec.take(); !strings.Contains(got, "registered 1002 pjsip sip:1002@192.0.2.22") {
			b.Errorf("a REGISTER of one that is configured again:\n%s", indent(got))
		}
	})
}

// TestDeletedBeforeTheSourceBegan: the first connection finds it out, too.
func TestDeletedBeforeTheSourceBegan(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, time.Hour)
		b.Deprovision("1001")
		b.connect()
		b.advance(time.Second)
		if got := b.rec.take(); !strings.HasSuffix(got, "listed 1001 pjsip []") {
			b.Errorf("got:\n%s", indent(got))
		}
	})
}

// TestContestedDeletedAORIsCheap: another home claims an AOR that was deleted
// here, or whose endpoint was renamed. Neither costs a full listing a second.
func TestContestedDeletedAORIsCheap(t *testing.T) {
	for name, change := range map[string]func(b *bench){
		"deleted": func(b *bench) { b.Deprovision("1001") },
		"renamed": func(b *bench) { b.Rename("1001", "desk-7") },
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, amitest.Config{}, config{Rivals: rivals("1001")}, func(b *bench) {
				b.Register("1001", uri1, time.Hour)
				b.connect()
				change(b) // without a word: Asterisk is reloaded later, or never
				b.rec.take()
				full := b.Count("PJSIPShowContacts")
				for range 60 {
					b.advance(time.Second)
					b.src.Recheck("1001")
				}
				if n := b.Count("PJSIPShowContacts") - full; n > 3 {
					b.Errorf("%d full listings in a minute", n)
				}
				got := b.rec.take()
				if gone := strings.Contains(got, "listed 1001 pjsip []"); gone != (name == "deleted") {
					b.Errorf("got:\n%s", indent(got))
				}
			})
		})
	}
}

// TestUnlistedAORIsKept: a realtime database may not list its AORs, but it knows
// each of them.
func TestUnlistedAORIsKept(t *testing.T) {
	for _, n := range []int{1, 40} {
		follow(t, amitest.Config{}, config{}, func(b *bench) {
			var names []string
			for _, c := range many(n, time.Now().Add(time.Hour)) {
				b.Put(c)
				names = append(names, c.AOR)
			}
			b.Register("1001", uri1, time.Hour) // one that is deleted, among them
			b.Unlist(names...)
			b.Deprovision("1001")
			b.connect()
			b.advance(5 * time.Second)
			got := b.rec.take()
			if strings.Contains(got, "listed user") && strings.Contains(got, "pjsip []") && strings.Count(got, "pjsip []") != 1 || !strings.Contains(got, "listed 1001 pjsip []") {
				b.Errorf("of %d that cannot be listed:\n%s", n, indent(got))
			}
		})
	}
}

// TestManyDeletedAORsAreBelieved: a few questions prove that a list is complete.
func TestManyDeletedAORsAreBelieved(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		all := many(2000, time.Now().Add(time.Hour))
		b.Put(all...)
		b.connect()
		b.rec.take()
		for _, c := range all[:1500] {
			b.Deprovision(c.AOR)
		}
		b.Reload("All")
		b.advance(time.Second)
		if n := strings.Count(b.rec.take(), "pjsip []"); n != 1500 {
			b.Errorf("%d of 1500 are withdrawn", n)
		}
		if n := b.Count("PJSIPShowEndpoint"); n > 16 {
			b.Errorf("asked for %d endpoints", n)
		}
	})
}

// TestListOfAORsIsRefused: without it nobody is withdrawn.
func TestListOfAORsIsRefused(t *testing.T) {
	for _, message := range []string{"Permission denied", "Invalid/unknown command: PJSIPShowAors"} {
		follow(t, amitest.Config{}, config{}, func(b *bench) {
			b.Register("1001", uri1, time.Hour)
			b.Deprovision("1001")
			b.Refuse("PJSIPShowAors", message)
			b.connect()
			b.advance(minute)
			if got := b.rec.take(); !strings.Contains(got, fmt.Sprintf("listed all pjsip [1001 %s until 1h0m0s]", uri1)) || strings.Contains(got, "pjsip []") {
				b.Errorf("%s:\n%s", message, indent(got))
			}
		})
	}
}
