package pbx_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/location"
)

// samples reads a transcript in which the same listings were taken several
// times; each time began with SIPpeers.
func samples(t *testing.T, name string) (out []phase) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	action := ""
	for block := range strings.SplitSeq(string(text), "\n\n") {
		if after, ok := strings.CutPrefix(strings.TrimSpace(block), "#>>> Action: "); ok {
			if action = strings.Fields(after)[0]; action == "SIPpeers" {
				out = append(out, phase{answers: map[string][]string{}})
			}
			continue
		}
		if head, rest, ok := strings.Cut(block, "\nActionID: 7\n"); ok && len(out) > 0 {
			last := out[len(out)-1].answers
			last[action] = append(last[action], strings.ReplaceAll(head+"\n"+rest, "\n", "\r\n"))
		}
	}
	if len(out) == 0 {
		t.Fatal("the transcript is empty")
	}
	return out
}

// TestRefreshIsNoOutage plays what Asterisk 16 listed before, during and after
// a chan_sip registration was refreshed at a provider that takes a second to
// answer, beside one at a provider that never does.
func TestRefreshIsNoOutage(t *testing.T) {
	all := samples(t, "ast16_registering.raw.txt")
	w := &watcher{devices: []pbx.Device{
		{Kind: location.SIP, Name: "telco", Registration: "customer@a.example@10.88.0.100:5098"},
		{Kind: location.SIP, Name: "telco", Registration: "customer@b.example@10.88.0.100"}}}
	const down = "SIP/telco: it is not registered at its provider yet"
	a := &actor{uptime: "7200", now: all[0]}
	watch(t, a, w, func() {
		if got := w.take(); got != "SIP/telco: <nil>; "+down {
			t.Fatalf("before: %s", got)
		}
		a.play(all[1])
		<-time.After(6 * time.Second)
		if got := w.take(); got != "SIP/telco: <nil>; "+down {
			t.Errorf("while the refresh is under way: %s", got)
		}
		a.play(all[2])
		<-time.After(6 * time.Second)
		if got := w.take(); got != "SIP/telco: <nil>; "+down {
			t.Errorf("afterwards: %s", got)
		}
		a.play(all[1]) // the provider has died: no answer comes
		<-time.After(30 * time.Second)
		if got := w.take(); !strings.Contains(got, "SIP/telco: <nil>") || strings.Contains(got, "32s") {
			t.Errorf("30 s without an answer: %s", got)
		}
		<-time.After(10 * time.Second)
		w.take()
		<-time.After(6 * time.Second)
		if got := w.take(); !strings.Contains(got, "SIP/telco: its provider has not answered for 32s") || strings.Contains(got, "<nil>") {
			t.Errorf("40 s without an answer: %s", got)
		}
		a.play(all[2])
		<-time.After(6 * time.Second)
		if got := w.take(); !strings.Contains(got, "SIP/telco: <nil>") {
			t.Errorf("when it is back: %s", got)
		}
	})
}

// TestRefreshOfIAX2 plays the same of IAX2, on both versions: there is one
// registration that was answered, and one that never was.
func TestRefreshOfIAX2(t *testing.T) {
	for _, version := range []int{16, 22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			all := samples(t, fmt.Sprintf("ast%d_registering.raw.txt", version))
			w := &watcher{devices: []pbx.Device{{Kind: location.IAX2, Name: "iaxtelco", Registration: "iaxme@127.0.0.1:4569"},
				{Kind: location.IAX2, Name: "iaxme", Registration: "dead@127.0.0.1:4570"}}}
			a := &actor{uptime: "7200", now: all[0]}
			watch(t, a, w, func() {
				if got := w.take(); got != "IAX2/iaxtelco: <nil>; IAX2/iaxme: it is not registered at its provider yet" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

// TestRegistrationsAreToldApart: "register => USER@DOMAIN:SECRET@HOST" may
// stand there twice for one user at one provider.
func TestRegistrationsAreToldApart(t *testing.T) {
	all := samples(t, "ast16_registering.raw.txt")
	for registration, want := range map[string]string{
		"customer@a.example@10.88.0.100:5098": "<nil>",
		"customer@A.example@10.88.0.100":      "<nil>",
		"customer@b.example@10.88.0.100:5097": "it is not registered at its provider yet",
		"customer@10.88.0.100:5098":           "<nil>", // the only one there
		"customer@10.88.0.100":                "several such registrations at Asterisk; write USER@DOMAIN@HOST:PORT",
		"customer@c.example@10.88.0.100":      "no such registration is known to Asterisk",
		"a.example@10.88.0.100":               "no such registration is known to Asterisk",
	} {
		w := &watcher{devices: []pbx.Device{{Kind: location.SIP, Name: "telco", Registration: registration}}}
		watch(t, &actor{uptime: "7200", now: all[0]}, w, func() {
			if got := w.take(); got != "SIP/telco: "+want {
				t.Errorf("%s: got %s, want %s", registration, got, want)
			}
		})
	}
}
