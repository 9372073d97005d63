package registrations_test

import (
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
)

func TestChanSIP(t *testing.T) {
	follow(t, amitest.Config{Version: 16}, config{}, func(b *bench) {
		b.ProvisionPeer("SIP", "2001", "")
		b.ProvisionPeer("SIP", "carrier", "192.0.2.99:5060")
		b.connect()
		b.expect("status connecting", "status booting", "status listing",
			"listed all pjsip []", "listed all sip []", "listed all iax2 []", "status ready")
		b.RegisterPeer("SIP", "2001", "192.0.2.7:5060")
		b.RegisterPeer("SIP", "2001", "192.0.2.7:5060") // a refresh is announced too
		b.expect("registered 2001 sip sip:2001@192.0.2.7:5060", "registered 2001 sip sip:2001@192.0.2.7:5060")
		b.Reload("chan_sip")
		b.advance(time.Second)
		b.expect("listed all pjsip []", "listed all sip [2001 sip:2001@192.0.2.7:5060]", "listed all iax2 []")
		b.UnregisterPeer("SIP", "2001")
		b.expect("removed 2001 sip ")
		b.RegisterPeer("SIP", "2001", "[2001:db8::7]:5060")
		b.Reload("chan_sip")
		b.advance(5 * time.Second)
		b.expect("registered 2001 sip sip:2001@[2001:db8::7]:5060",
			"listed all pjsip []", "listed all sip [2001 sip:2001@[2001:db8::7]:5060]", "listed all iax2 []")
	})
}

func TestIAX2(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		b.RegisterPeer("IAX2", "1003", "192.0.2.8:4569") // announced without port
		b.expect("registered 1003 iax2 iax2:1003@192.0.2.8")
		b.Reload("chan_iax2")
		b.advance(time.Second)
		b.expect("listed all pjsip []", "listed all iax2 [1003 iax2:1003@192.0.2.8]")
		b.UnregisterPeer("IAX2", "1003")
		b.expect("removed 1003 iax2 ")
	})
}

func TestChanSIPIsAskedForOnceWhereItIsAbsent(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		b.advance(30 * minute)
		if n := b.Count("SIPpeers"); n != 1 {
			b.Errorf("asked %d times", n)
		}
		if n := b.Count("PJSIPShowContacts"); n != 7 {
			b.Errorf("listed %d times in 30 minutes, want 7", n)
		}
	})
}

// TestUncachedRealtimePeers: what no list can show, no list takes away.
func TestUncachedRealtimePeers(t *testing.T) {
	follow(t, amitest.Config{Version: 16}, config{}, func(b *bench) {
		b.ProvisionRealtimePeer("SIP", "2001", false)
		b.ProvisionRealtimePeer("SIP", "2002", true)
		b.ProvisionPeer("SIP", "2003", "")
		b.connect()
		for _, name := range []string{"2001", "2002", "2003"} {
			b.RegisterPeer("SIP", name, "192.0.2.7:5060")
		}
		listed := func(want ...string) {
			b.Helper()
			b.rec.take()
			b.Reload("chan_sip")
			b.advance(10 * time.Second)
			var peers []string
			for _, name := range want {
				peers = append(peers, name+" sip:"+name+"@192.0.2.7:5060")
			}
			if got, want := b.rec.take(), "listed all sip ["+strings.Join(peers, ", ")+"]"; !strings.Contains(got, want) {
				b.Errorf("got:\n%s\nwant: %s", indent(got), want)
			}
		}
		listed("2001", "2002", "2003")
		b.DeprovisionPeer("SIP", "2002") // "sip prune realtime peer": it is loaded when needed
		b.DeprovisionPeer("SIP", "2003") // deleted from sip.conf
		listed("2001", "2002")
		b.Drop() // a connection that breaks changes nothing
		b.advance(time.Second)
		listed("2001", "2002")
		b.advance(30 * minute)
		b.RegisterPeer("SIP", "2001", "192.0.2.7:5060") // a refresh
		b.advance(31 * minute)
		listed("2001") // the other one has not come for an hour
		b.UnregisterPeer("SIP", "2001")
		listed()
	})
}
