package ami

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

func TestBannerOfSomethingElse(t *testing.T) {
	for _, text := range []string{"", "SSH-2.0-OpenSSH\r\n", "Asterisk Call Manager", strings.Repeat("x", 1<<20)} {
		if err := NewReader(strings.NewReader(text)).Banner(); err == nil {
			t.Errorf("%.30q was taken for a banner", text)
		}
	}
}

func TestFirstHeaderCounts(t *testing.T) {
	m := new(Message)
	if err := NewReader(strings.NewReader("AOR: 1001\r\nRegServer:x\nAOR: 1002\r\nnonsense\r\n\r\n")).Read(m); err != nil {
		t.Fatal(err)
	}
	if m.Text(KeyAOR) != "1001" || m.Text(KeyRegServer) != "x" {
		t.Errorf("AOR %q, RegServer %q", m.Text(KeyAOR), m.Text(KeyRegServer))
	}
}

func TestActionsOnTheWire(t *testing.T) {
	var b strings.Builder
	if err := WriteAction(&b, ActEndpoint, 7, "1001"); err != nil {
		t.Fatal(err)
	}
	if want := "Action: PJSIPShowEndpoint\r\nActionID: 7\r\nEndpoint: 1001\r\n\r\n"; b.String() != want {
		t.Errorf("wrote %q, want %q", b.String(), want)
	}
	b.Reset()
	for _, v := range []string{"1001\r\nAction: Command", "1001\nx", "\x00", "a\rb"} {
		if err := WriteAction(&b, ActEndpoint, 1, v); err == nil || b.Len() > 0 {
			t.Errorf("wrote %q for %q, error %v", b.String(), v, err)
		}
	}
	if err := WriteAction(&b, "Command", 1); err == nil {
		t.Error("sent an action outside the list")
	}
	if err := WriteAction(&b, ActPing, 1, "x"); err == nil {
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
		err := NewReader(strings.NewReader(text)).Banner()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// TestNoGreetingNoSecret: who does not greet as AMI does is sent nothing.
func TestNoGreetingNoSecret(t *testing.T) {
	for text, want := range map[string]string{"": "no greeting within 3s", "220 mail.example ESMTP\r\n": "no Asterisk Call Manager"} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			got := make(chan []byte, 1)
			go func() {
				io.WriteString(far, text)
				b, _ := io.ReadAll(far)
				got <- b
			}()
			c := New(Config{User: "fed", Secret: "s3cret", Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
			if _, err := c.connect(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, want %q", text, err, want)
			}
			if b := <-got; len(b) > 0 {
				t.Errorf("%q was sent %q", text, b)
			}
			far.Close()
		})
	}
}
