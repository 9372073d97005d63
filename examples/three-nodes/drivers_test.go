//go:build e2e

package threenodes

import (
	"testing"
	"time"
)

// A phone of chan_sip, which Asterisk 16 has beside PJSIP.
func TestChanSIP(t *testing.T) {
	p := phone(t, "1011", "answer")
	if err := l.RegisterAt("1011", a, "5070", p.Contact, 600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.RegisterAt("1011", a, "5070", "*", 0) })
	known := found(t, 5*time.Second, "1011", a, nodes()...)
	for _, n := range nodes() {
		call(t, "1002", n, "1011", 200)
	}
	if err := l.RegisterAt("1011", a, "5070", "*", 0); err != nil {
		t.Fatal(err)
	}
	gone := found(t, 10*time.Second, "1011", nil, nodes()...)
	figure("chan_sip", "found after %s, 3 of 3 calls answered, gone %s after it unregisters", ms(known), ms(gone))
}

// iaxPhone makes Asterisk at C the IAX2 phone 1010, which registers at A.
const iaxPhone = `
[general](+)
register => 1010:change-me-1010@10.88.0.1
`

const iaxPhoneDialplan = `
[from-phones](+)
exten => s,1,Answer
 same => n,Wait(5)
`

func TestIAX2(t *testing.T) {
	reload := func() {
		_, _ = c.CLI("dialplan reload")
		_, _ = c.CLI("iax2 reload")
	}
	t.Cleanup(reload) // runs last, when the files are back
	t.Cleanup(func() { _, _ = a.CLI("iax2 unregister 1010") })
	for file, more := range map[string]string{
		"/etc/asterisk/iax.conf":             iaxPhone,
		"/etc/asterisk/extensions_site.conf": iaxPhoneDialplan,
	} {
		old := c.Read(file)
		t.Cleanup(func() { _ = c.Write(file, old) })
		if err := c.Append(file, more); err != nil {
			t.Fatal(err)
		}
	}
	reload()
	known := found(t, 15*time.Second, "1010", a, nodes()...)
	for _, n := range nodes()[:2] {
		call(t, "1002", n, "1010", 200)
	}
	figure("IAX2 phone", "found after %s, 2 of 2 calls answered", ms(known))
}
