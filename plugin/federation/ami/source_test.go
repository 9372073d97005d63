package ami_test

import (
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
)

const minute = time.Minute

// ready is what a Source says of an Asterisk 22 without contacts.
var ready = []string{
	"status connecting", "status booting", "status listing",
	"listed all pjsip []", "listed all iax2 []", "status ready",
}

func TestRegisterOfAUser(t *testing.T) {
	follow(t, amitest.Config{}, ami.Config{}, func(b *bench) {
		b.Provision("1001")
		b.expect(ready...)

		b.Register("1001", "sip:1001@192.0.2.1:1", minute)
		b.expect("registered 1001 pjsip sip:1001@192.0.2.1:1 until 1m0s",
			"listed 1001 pjsip [1001 sip:1001@192.0.2.1:1 until 1m0s]")

		b.advance(10 * time.Second)
		b.Refresh("1001", "sip:1001@192.0.2.1:1", minute)
		b.advance(time.Second)
		b.expect("") // nobody is told of a refresh
	})
}
