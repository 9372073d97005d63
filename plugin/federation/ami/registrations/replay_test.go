package registrations_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// captured is one AMI message of a transcript.
type captured struct {
	at     time.Duration // since the first one with a time
	fields map[string]string
	raw    string
}

// blocks reads a transcript of raw octets; lines with "#>>>" are what the
// capturing client sent.
func blocks(t *testing.T, name string) []captured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []captured
	for block := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(strings.Trim(block, "\n"), "\n") {
			if !strings.HasPrefix(line, "#>>>") {
				lines = append(lines, line)
			}
		}
		out = append(out, message(lines))
	}
	return timed(t, out)
}

// lines reads a transcript of one message a line, its headers joined by " | ".
func lines(t *testing.T, name string) []captured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []captured
	for line := range strings.SplitSeq(string(text), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			_, line, _ = strings.Cut(line, " ")
			out = append(out, message(strings.Split(line, " | ")))
		}
	}
	return timed(t, out)
}

func message(headers []string) captured {
	c := captured{fields: map[string]string{}, raw: strings.Join(headers, "\r\n") + "\r\n\r\n"}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		c.fields[strings.TrimSuffix(k, ":")] = v
	}
	return c
}

// timed keeps the events that carry a time; the others answer the capturing
// client's own actions.
func timed(t *testing.T, in []captured) []captured {
	t.Helper()
	var out []captured
	var first float64
	for _, c := range in {
		stamp, err := strconv.ParseFloat(c.fields["Timestamp"], 64)
		if err != nil || c.fields["Event"] == "" {
			continue
		}
		if first == 0 {
			first = stamp
		}
		c.at = time.Duration((stamp - first) * float64(time.Second))
		out = append(out, c)
	}
	if len(out) == 0 {
		t.Fatal("transcript is empty")
	}
	return out
}

// play sends the captured events to the Source at the pace of the capture,
// and lets the fake Asterisk list what they say it held at each moment.
func (b *bench) play(events []captured) string {
	b.rec.start = time.Now()
	for i, c := range events {
		if d := c.at - time.Since(b.rec.start); d > 0 {
			b.advance(d)
		}
		b.store(c.fields)
		if c.fields["ContactStatus"] == "NonQualified" {
			// The event of the registrar that tells the expiry may come a
			// moment later; the contact is stored before either.
			for _, next := range events[i:min(i+5, len(events))] {
				if next.fields["Contact"] == c.fields["URI"] && next.fields["State"] == "AOR_CONTACT_ADDED" {
					b.store(next.fields)
				}
			}
		}
		switch c.fields["Event"] {
		case "FullyBooted":
			b.FinishBoot()
		case "Shutdown":
			b.Stop()
		default:
			b.Server.Garbage([]byte(c.raw))
		}
		synctest.Wait()
	}
	b.advance(30 * time.Second)
	return b.rec.take() + "\n"
}

// store keeps in the fake Asterisk what an event says of its registrations.
func (b *bench) store(f map[string]string) {
	switch f["State"] {
	case "AOR_CONTACT_ADDED", "AOR_CONTACT_REFRESHED":
		n, _ := strconv.Atoi(f["Expiration"])
		b.Put(amitest.Contact{AOR: f["AOR"], URI: f["Contact"], UserAgent: f["UserAgent"],
			Expires: time.Now().Add(time.Duration(n) * time.Second)})
	case "AOR_CONTACT_REMOVED":
		b.Delete(f["AOR"], f["Contact"])
	}
	tech := f["ChannelType"]
	if tech == "PJSIP" {
		return
	}
	switch f["PeerStatus"] {
	case "Registered":
		b.PutPeer(tech, strings.TrimPrefix(f["Peer"], tech+"/"), withPort(f["Address"]))
	case "Unregistered":
		b.PutPeer(tech, strings.TrimPrefix(f["Peer"], tech+"/"), "")
	}
}

func withPort(addr string) string {
	if strings.Contains(addr, ":") {
		return addr
	}
	return addr + ":4569"
}

// golden compares with a file in testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s:\n%s", name, got)
	}
}

// TestReplay plays what real Asterisks of both versions sent while phones
// registered, refreshed, moved, expired and unregistered.
func TestReplay(t *testing.T) {
	for _, version := range []int{16, 22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			events := blocks(t, fmt.Sprintf("ast%d.raw.txt", version))
			follow(t, amitest.Config{Version: version, CheckInterval: time.Hour}, config{}, func(b *bench) {
				b.Provision("1001", "1501", "alice", "bob")
				b.rec.timed = true
				b.connect()
				b.rec.take()
				golden(b.T, fmt.Sprintf("ast%d.golden", version), b.play(events))
			})
		})
	}
}

// TestReplayRestart plays the start of an Asterisk whose database holds three
// contacts, one of them expired.
func TestReplayRestart(t *testing.T) {
	for _, version := range []int{16, 22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			events := lines(t, fmt.Sprintf("ast%d_restart.txt", version))
			follow(t, amitest.Config{Version: version, CheckInterval: time.Hour, BootTime: time.Hour}, config{}, func(b *bench) {
				b.Stop()
				now := time.Now()
				b.Put(amitest.Contact{AOR: "bob", URI: "sip:bob@10.88.0.1:6002", Expires: now.Add(290 * time.Second)},
					amitest.Contact{AOR: "1001", URI: "sip:1001@10.88.0.1:6001", Expires: now.Add(290 * time.Second)},
					amitest.Contact{AOR: "alice", URI: "sip:alice@10.88.0.1:6003", Expires: now.Add(-5 * time.Second)})
				if err := b.Start(); err != nil {
					b.Fatal(err)
				}
				b.rec.timed = true
				b.connect()
				golden(b.T, fmt.Sprintf("ast%d_restart.golden", version), b.play(events))
			})
		})
	}
}

// TestReplayIAX2 plays an IAX2 phone that registers, is lost and expires.
func TestReplayIAX2(t *testing.T) {
	for _, version := range []int{16, 22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			events := lines(t, fmt.Sprintf("ast%d_iax2.txt", version))
			follow(t, amitest.Config{Version: version, CheckInterval: time.Hour}, config{}, func(b *bench) {
				b.PutPeer("IAX2", "iaxphone", "10.88.0.3:4569")
				b.rec.timed = true
				b.connect()
				b.rec.take()
				golden(b.T, fmt.Sprintf("ast%d_iax2.golden", version), b.play(events))
			})
		})
	}
}
