package primary

import (
	"testing"

	"github.com/asterfed/asterfed/zone/location"
)

// A journal is read whole, up to a batch that is not, or refused; never more.
func FuzzReplay(f *testing.F) {
	head := "asterfed-journal 1 pbx-a fed.example. epoch=0123456789abcdef boot=x\n"
	f.Add([]byte(head + "= 1 00000000\n"))
	f.Add([]byte(head + "+ 1001 pjsip 00000000000000ff 0000000000000010\n= 2 3b3c9b5f\n! clean\n"))
	f.Add([]byte(head + "@ v=1 state=up\n= 2 00000000\n= 3 00000000\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		j := &Journal{header: "asterfed-journal 1 pbx-a fed.example."}
		if _, err := j.replay(string(raw)); err != nil {
			return
		}
		for _, b := range j.Bindings() {
			if _, err := location.ParseAOR(string(b.AOR)); err != nil {
				t.Fatalf("restored %v: %v", b, err)
			}
		}
	})
}
