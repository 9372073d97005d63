package view

import (
	"fmt"
	"testing"
)

// The text of a key stands in files of the history, and each reader knows only its
// own.
func TestKeyText(t *testing.T) {
	read := func(k Key) string {
		out := ""
		see := func(what string, ok bool) {
			if ok {
				out += what
			}
		}
		s, ok := k.User()
		see("user "+s, ok)
		s, ok = k.Number()
		see("number "+s, ok)
		s, ok = k.Cover()
		see("cover "+s, ok)
		tree, s, ok := k.Tree()
		see("tree "+tree+" "+s, ok)
		s, ok = k.Home()
		see("home "+s, ok)
		s, ok = k.Note()
		see("note "+s, ok)
		d, ok := k.Digits()
		see(fmt.Sprintf(", digits %q", d), ok)
		return out
	}
	for _, tt := range []struct {
		key        Key
		text, want string
	}{
		{UserKey("alice.smith"), "alice.smith", "user alice.smith"},
		{UserKey("+97231234000"), "+97231234000", "user +97231234000"},
		{numberKey("97231234000"), "#97231234000", `number 97231234000, digits "97231234000"`},
		{coverKey("972"), "*972", `cover 972, digits "972"`},
		{coverKey(""), "*", `cover , digits ""`},
		{TreeKey("trunks", "berlin"), "trunks/berlin", "tree trunks berlin"},
		{HomeKey("pbx-a"), "@pbx-a", "home pbx-a"},
		{NoteSign + "start", "=start", "note start"},
	} {
		if string(tt.key) != tt.text {
			t.Errorf("key %q, want %q", tt.key, tt.text)
		}
		if got := read(tt.key); got != tt.want {
			t.Errorf("%s is read as %q, want %q", tt.key, got, tt.want)
		}
	}
}
