package answer

import (
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/plain"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// Whatever is noted, known or not, ours or not, is read and forgotten, also
// while it changes; and the answers stay what they were.
func TestAhead(t *testing.T) {
	v := scaleView(2000)
	a, q := v.NewAhead(), new(plain.Query)
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		for i := 0; ; i++ {
			b := binding("new-user", 1, uint64(i+1))
			v.Home("pbx-1").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: b}})
			v.Home("pbx-1").Apply(record.Version{Epoch: "e", Serial: 3}, nil, []location.Change{{Old: b}})
			select {
			case <-done:
				return
			default:
			}
		}
	})
	names := []string{origin, "users." + origin, "nobody.users." + origin, "new-user.users." + origin, "1.e164." + origin, "elsewhere.example."}
	for i := range 300 {
		names = append(names, scaleUser(i)+".users."+origin)
	}
	for _, name := range names {
		wire, err := new(dns.Msg).SetQuestion(name, dns.TypeNAPTR).Pack()
		if err != nil || !q.Parse(wire) {
			t.Fatalf("%s: %v", name, err)
		}
		a.Note(q.Name())
	}
	for range 100 {
		a.Touch()
		a.Note(q.Name())
	}
	a.Touch()
	close(done)
	writer.Wait()
	New(Config{}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: time.Second})).NewAhead().Touch()
}
