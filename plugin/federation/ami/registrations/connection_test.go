package registrations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/zone/location"
)

func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

func TestRestartAnnouncesNobody(t *testing.T) {
	follow(t, amitest.Config{BootTime: 2 * time.Second}, config{}, func(b *bench) {
		b.Register("1001", uri1, minute)
		b.connect()
		b.advance(time.Second)
		b.rec.take()
		if err := b.Restart(); err != nil {
			b.Fatal(err)
		}
		b.expect("status down shutdown")
		b.advance(time.Second)
		b.expect("status booting") // and not: registered
		b.Announce()
		b.advance(1500 * time.Millisecond)
		b.expect("status listing", "listed all pjsip [1001 "+uri1+" until 1m0s]", "listed all iax2 []", "status ready")
		b.Announce() // what trails in after FullyBooted is no REGISTER either
		b.expect("")
		b.advance(time.Second)
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 1m0s]")
		b.Register("1001", uri2, minute) // this is one
		b.expect("registered 1001 pjsip "+uri2, "removed 1001 pjsip "+uri1)
	})
}

func TestRestartDropsWhatExpired(t *testing.T) {
	follow(t, amitest.Config{CheckInterval: time.Hour}, config{}, func(b *bench) {
		b.Register("1001", uri1, 10*time.Second)
		b.connect()
		b.advance(time.Second)
		b.rec.take()
		b.Kill()
		b.expect("status down: read AMI: EOF")
		b.advance(20 * time.Second)
		b.expect("") // an outage removes nothing and is said once
		if err := b.Start(); err != nil {
			b.Fatal(err)
		}
		b.advance(6 * time.Second)
		got := b.rec.take()
		if !strings.HasPrefix(got, "status booting\nstatus listing\nlisted all pjsip []\nlisted all iax2 []\nstatus ready") {
			b.Errorf("got:\n%s", indent(got))
		}
	})
}

func TestDropListsAgain(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, minute)
		b.connect()
		b.advance(time.Second)
		b.rec.take()
		b.Drop()
		b.expect("status down: read AMI: EOF")
		b.Unregister("1001", "") // nobody hears it
		b.advance(time.Second)
		b.expect("status booting", "status listing", "listed all pjsip []", "listed all iax2 []", "status ready")
		if st := b.client.Stats(); st.Reconnects != 1 || !st.Connected {
			b.Errorf("stats %+v", st)
		}
	})
}

func TestWrongSecret(t *testing.T) {
	follow(t, amitest.Config{User: "fed", Secret: "right"}, config{User: "fed", Secret: "wrong"}, func(b *bench) {
		b.connect()
		b.advance(19 * time.Second)
		b.expect("status connecting", "status down: login refused: Login: Authentication failed")
		if n := b.Count("Login"); n < 3 || n > 5 {
			b.Errorf("%d logins in 19 s, want one every 5 s", n)
		}
	})
}

func TestRefusalKeepsTheLastList(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, 10*minute)
		b.connect()
		b.advance(time.Second)
		b.rec.take()
		b.SetPermissions("system", "call") // holds from the next login on
		b.Drop()
		b.advance(6 * minute)
		b.expect("status down: read AMI: EOF", "status booting", "status listing",
			`status listing: PJSIPShowContacts: Permission denied`, `status listing: IAXpeerlist: Permission denied`)
		if b.src.Stats().Refusals == 0 {
			b.Error("no refusal counted")
		}
		b.SetPermissions("system", "system")
		b.Unregister("1001", "")
		b.advance(11 * time.Second)
		b.expect("removed 1001 pjsip "+uri1, "listed all pjsip []", "listed all iax2 []", "status ready")
	})
}

func TestRefusalFromTheBeginning(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Refuse("PJSIPShowContacts", "Permission denied")
		b.connect()
		b.expect("status connecting", "status booting", "status listing",
			`status listing: PJSIPShowContacts: Permission denied`, "listed all iax2 []")
		b.Refuse("PJSIPShowContacts", "")
		b.advance(11 * time.Second)
		b.expect("listed all pjsip []", "listed all iax2 []", "status ready")
	})
}

func TestShrunkListIsTakenAgain(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		var all []amitest.Contact
		for i := range 40 {
			aor := fmt.Sprint(1000 + i)
			all = append(all, amitest.Contact{AOR: aor, URI: "sip:" + aor + "@192.0.2.1", Expires: time.Now().Add(time.Hour)})
		}
		b.Put(all...)
		b.connect()
		b.rec.take()
		for _, c := range all[:30] {
			b.Delete(c.AOR, c.URI)
		}
		b.Reload("All")
		b.advance(600 * time.Millisecond)
		b.expect("listed all iax2 []")
		b.Put(all...) // it was a hiccup
		b.advance(time.Second)
		b.expect("listed all pjsip 40 contacts")

		for _, c := range all[:30] {
			b.Delete(c.AOR, c.URI)
		}
		b.Reload("All")
		b.advance(5 * time.Second) // this time it stays so
		if got := b.rec.take(); !strings.Contains(got, "1039 sip:1039@192.0.2.1 until 1h0m0s]") {
			b.Errorf("got:\n%s", indent(got))
		}
	})
}

func TestFirstListIsComparedWithWhatIsHeld(t *testing.T) {
	cfg := config{Held: func(t location.Kind) int { return map[location.Kind]int{location.PJSIP: 100}[t] }}
	follow(t, amitest.Config{}, cfg, func(b *bench) {
		b.connect()
		b.expect("status connecting", "status booting", "status listing", "listed all iax2 []")
		b.advance(time.Second)
		b.expect("listed all pjsip []", "status ready")
	})
}

func TestSilentAsteriskIsGivenUp(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, 10*minute)
		b.connect()
		b.Register("1001", uri2, 10*minute)
		b.advance(time.Second)
		b.rec.take()
		b.advance(minute)
		b.expect("")
		if n := b.Count("Ping"); n != 12 {
			b.Errorf("%d pings in a minute, want 12", n)
		}
		b.Mute(true)
		b.advance(10 * time.Second)
		b.expect("status down: asterisk is silent for 8s")
	})
}

func TestAsteriskThatHangsDuringAListingIsGivenUp(t *testing.T) {
	follow(t, amitest.Config{}, config{Relist: minute}, func(b *bench) {
		b.ready()
		b.advance(minute - 2*time.Second)
		b.Mute(true) // the slow listing is asked for, and never answered
		b.advance(10 * time.Second)
		b.expect("status down: asterisk is silent for 8s")
	})
}

func TestGarbage(t *testing.T) {
	for name, noise := range map[string]string{
		"line":    strings.Repeat("x", 100<<10),
		"headers": strings.Repeat("A: b\r\n", 2000) + "\r\n",
		"values":  strings.Repeat("Message: "+strings.Repeat("x", 60<<10)+"\r\nPeer: "+strings.Repeat("x", 60<<10)+"\r\n", 3) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, amitest.Config{}, config{}, func(b *bench) {
				b.ready()
				b.Server.Garbage([]byte(noise))
				b.advance(time.Second)
				got := b.rec.take()
				if !containsAny(got, "exceeds the limits") || !strings.HasSuffix(got, "status ready") {
					b.Errorf("got:\n%s", indent(got))
				}
			})
		})
	}
}

func TestSmallNoiseIsSkipped(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		b.Server.Garbage([]byte("\x00\xff\r\n\r\n: \r\n\r\nEvent: ContactStatus\r\n\r\nEvent: PeerStatus\r\nChannelType: SIP\r\n\r\nActionID: 99\r\nEvent: ContactList\r\n\r\n"))
		b.expect("")
	})
}
