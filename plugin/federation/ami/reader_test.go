package ami

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// transcript returns the octets that a captured Asterisk sent.
func transcript(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("#>>>")) {
			out.Write(line)
		}
	}
	return out.Bytes()
}

func readAll(t testing.TB, b []byte, f func(*message)) {
	t.Helper()
	r := newReader(bytes.NewReader(b))
	if err := r.banner(); err != nil {
		t.Fatal(err)
	}
	m := new(message)
	for {
		err := r.read(m)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		f(m)
	}
}

func TestTranscriptRows(t *testing.T) {
	for _, name := range []string{"ast16.raw.txt", "ast22.raw.txt"} {
		t.Run(name, func(t *testing.T) {
			count := map[string]int{}
			readAll(t, transcript(t, name), func(m *message) {
				count[m.text(keyEvent)]++
				if !m.is(keyEvent, "ContactList") && !m.is(keyEvent, "ContactStatusDetail") {
					return
				}
				object := m.get(keyObjectName)
				if m.is(keyEvent, "ContactStatusDetail") {
					object = m.get(keyID)
				}
				aor, ok := registeredAOR(object)
				if !ok || string(aor) != m.text(keyEndpoint) {
					t.Errorf("object %q of endpoint %q", object, m.get(keyEndpoint))
				}
				if n, ok := m.number(keyExpires); !ok || n < 1795374600 || n > 1795375000 {
					t.Errorf("expires %q", m.get(keyExpires))
				}
				if !strings.HasPrefix(m.text(keyURI), "sip:"+string(aor)+"@10.88.0.1:600") {
					t.Errorf("URI %q of %q", m.get(keyURI), aor)
				}
			})
			if count["ContactList"] != 4 || count["ContactStatusDetail"] != 4 || count["ContactStatus"] != 19 {
				t.Errorf("read %v", count)
			}
		})
	}
}

func TestBannerOfSomethingElse(t *testing.T) {
	for _, text := range []string{"", "SSH-2.0-OpenSSH\r\n", "Asterisk Call Manager", strings.Repeat("x", 1<<20)} {
		if err := newReader(strings.NewReader(text)).banner(); err == nil {
			t.Errorf("%.30q was taken for a banner", text)
		}
	}
}

func TestFirstHeaderCounts(t *testing.T) {
	m := new(message)
	if err := newReader(strings.NewReader("AOR: 1001\r\nUserAgent:x\nAOR: 1002\r\nnonsense\r\n\r\n")).read(m); err != nil {
		t.Fatal(err)
	}
	if m.text(keyAOR) != "1001" || m.text(keyUserAgent) != "x" {
		t.Errorf("AOR %q, UserAgent %q", m.text(keyAOR), m.text(keyUserAgent))
	}
}

func TestActionsOnTheWire(t *testing.T) {
	var b strings.Builder
	if err := writeAction(&b, actEndpoint, 7, "1001"); err != nil {
		t.Fatal(err)
	}
	if want := "Action: PJSIPShowEndpoint\r\nActionID: 7\r\nEndpoint: 1001\r\n\r\n"; b.String() != want {
		t.Errorf("wrote %q, want %q", b.String(), want)
	}
	b.Reset()
	for _, v := range []string{"1001\r\nAction: Command", "1001\nx", "\x00", "a\rb"} {
		if err := writeAction(&b, actEndpoint, 1, v); err == nil || b.Len() > 0 {
			t.Errorf("wrote %q for %q, error %v", b.String(), v, err)
		}
	}
	if err := writeAction(&b, "Command", 1); err == nil {
		t.Error("sent an action outside the list")
	}
	if err := writeAction(&b, actPing, 1, "x"); err == nil {
		t.Error("sent a field that the action does not have")
	}
}

// TestGreetings: the port may be of another service, or of AMI over TLS.
func TestGreetings(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "tlsbindaddr",
		"\x15\x03\x03\x00\x02\x02\x28":       "speaks TLS",
		"\x15\x03\x03\x00\x02\x02\n\x28":     "speaks TLS",
		"SSH-2.0-OpenSSH\r\n":                "is no Asterisk Call Manager",
		"Asterisk Call Manager/11.0.0\r\n\n": "",
	} {
		err := newReader(strings.NewReader(text)).banner()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}
