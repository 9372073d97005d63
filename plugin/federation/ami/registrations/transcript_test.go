package registrations

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/ami"
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

func readAll(t testing.TB, b []byte, f func(*ami.Message)) {
	t.Helper()
	r := ami.NewReader(bytes.NewReader(b))
	if err := r.Banner(); err != nil {
		t.Fatal(err)
	}
	m := new(ami.Message)
	for {
		err := r.Read(m)
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
			readAll(t, transcript(t, name), func(m *ami.Message) {
				count[m.Text(ami.KeyEvent)]++
				if !m.Is(ami.KeyEvent, "ContactList") && !m.Is(ami.KeyEvent, "ContactStatusDetail") {
					return
				}
				object := m.Get(ami.KeyObjectName)
				if m.Is(ami.KeyEvent, "ContactStatusDetail") {
					object = m.Get(ami.KeyID)
				}
				aor, ok := AOR(object)
				if !ok || string(aor) != m.Text(ami.KeyEndpoint) {
					t.Errorf("object %q of endpoint %q", object, m.Get(ami.KeyEndpoint))
				}
				if n, ok := m.Number(ami.KeyExpires); !ok || n < 1795374600 || n > 1795375000 {
					t.Errorf("expires %q", m.Get(ami.KeyExpires))
				}
				if !strings.HasPrefix(m.Text(ami.KeyURI), "sip:"+string(aor)+"@10.88.0.1:600") {
					t.Errorf("URI %q of %q", m.Get(ami.KeyURI), aor)
				}
			})
			if count["ContactList"] != 4 || count["ContactStatusDetail"] != 4 || count["ContactStatus"] != 19 {
				t.Errorf("read %v", count)
			}
		})
	}
}
