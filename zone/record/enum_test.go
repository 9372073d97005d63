package record

import (
	"fmt"
	"testing"
)

func TestENUMResult(t *testing.T) {
	for _, c := range []struct{ naptr, dialled, want string }{
		{"!^.*$!sip:1001@pbx-a.nodes.fed.example!", "1001", "sip:1001@pbx-a.nodes.fed.example"},
		{`!^(.*)$!sip:\\1@pbx-a.nodes.fed.example!`, "+97231111111", "sip:+97231111111@pbx-a.nodes.fed.example"},
		{`!^[+]?(.*)$!sip:+\\1;tgrp=berlin;trunk-context=fed.example@pbx-b.nodes.fed.example!`, "4930999", "sip:+4930999;tgrp=berlin;trunk-context=fed.example@pbx-b.nodes.fed.example"},
		{`!^[+]?(.*)$!sip:+\\1@pbx-b.nodes.fed.example!`, "+4930999", "sip:+4930999@pbx-b.nodes.fed.example"},
		{`/^.*$/sip:a@b/`, "1", "sip:a@b"},
		{`!^A$!sip:a@b!i`, "a", "sip:a@b"},
		{`!^(1)(2)?$!sip:\\1\\2\\3@b!`, "1", "sip:1@b"},
		{"!^9$!sip:a@b!", "1", ""}, // does not match
		{"!^.*$!sip:a@b", "1", ""}, // not closed
		{"!(!x!", "1", ""},
		{"", "1", ""},
	} {
		if got, ok := ENUMResult(c.naptr, c.dialled); got != c.want || ok != (c.want != "") {
			t.Errorf("%q of %q: %q, %t; want %q", c.naptr, c.dialled, got, ok, c.want)
		}
	}
}

func FuzzENUMResult(f *testing.F) {
	f.Add("!^.*$!sip:1001@pbx-a.nodes.fed.example!", "1001")
	f.Add(`!^(.*)$!sip:\\1@x!`, "+1")
	f.Fuzz(func(_ *testing.T, naptr, dialled string) { ENUMResult(naptr, dialled) })
}

func ExampleENUMResult() {
	uri, _ := ENUMResult(`!^(.*)$!sip:\\1@pbx-a.nodes.fed.example!`, "+97231111111")
	fmt.Println(uri)
	// Output: sip:+97231111111@pbx-a.nodes.fed.example
}
