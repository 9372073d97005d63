package amitest_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
)

// client is an AMI client that speaks by hand.
type client struct {
	*testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, s *amitest.Server) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := &client{t, conn, bufio.NewReader(conn)}
	if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "Asterisk Call Manager/") {
		t.Fatalf("banner %q, error %v", line, err)
	}
	return c
}

func (c *client) send(headers ...string) {
	c.Helper()
	if _, err := io.WriteString(c.Conn, strings.Join(headers, "\r\n")+"\r\n\r\n"); err != nil {
		c.Fatal(err)
	}
}

// message reads one message, "" at the end of the connection.
func (c *client) message() string {
	c.Helper()
	var out strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return ""
		}
		if line = strings.TrimSuffix(line, "\r\n"); line == "" {
			return out.String()
		}
		out.WriteString(line + "\n")
	}
}

// until reads messages up to the one that contains part.
func (c *client) until(part string) string {
	c.Helper()
	var all strings.Builder
	for {
		m := c.message()
		if m == "" {
			c.Fatalf("%q did not come, but:\n%s", part, all.String())
		}
		all.WriteString(m + "\n")
		if strings.Contains(m, part) {
			return all.String()
		}
	}
}

func start(t *testing.T, cfg amitest.Config) *amitest.Server {
	t.Helper()
	s, err := amitest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestDialogue(t *testing.T) {
	s := start(t, amitest.Config{User: "fed", Secret: "x"})
	s.Provision("1001")
	c := dial(t, s)
	c.send("Action: Login", "Username: fed", "Secret: x", "ActionID: 1")
	c.until("Event: FullyBooted")
	c.send("Action: PJSIPShowContacts", "ActionID: 2")
	c.until("Message: No Contacts found")
	s.Register("1001", "sip:1001@192.0.2.1", time.Minute)
	c.until("ContactStatus: NonQualified")
	c.send("Action: PJSIPShowContacts", "ActionID: 3")
	if got := c.until("ListItems: 1"); !strings.Contains(got, "ObjectName: 1001;@") || !strings.Contains(got, "RegServer: a") {
		t.Errorf("got:\n%s", got)
	}
	s.Register("1001", "sip:1001@192.0.2.2", time.Minute)
	if got := c.until("ContactStatus: Removed"); !strings.Contains(got, "URI: sip:1001@192.0.2.2\nContactStatus: NonQualified") {
		t.Errorf("a replacement was announced as:\n%s", got)
	}
	s.Expire("1001", "sip:1001@192.0.2.2")
	c.until("PeerStatus: Unreachable")
	c.until("ContactStatus: Removed")
	c.send("Action: SIPpeers", "ActionID: 4")
	c.until("Invalid/unknown command: SIPpeers")
	s.Stop()
	c.until("Event: Shutdown")
	if m := c.message(); m != "" {
		t.Errorf("after Shutdown: %q", m)
	}
}

func TestWrongSecret(t *testing.T) {
	c := dial(t, start(t, amitest.Config{User: "fed", Secret: "x"}))
	c.send("Action: Login", "Username: fed", "Secret: y", "ActionID: 1")
	c.until("Authentication failed")
}

func TestPermissions(t *testing.T) {
	s := start(t, amitest.Config{Chatty: true})
	s.SetPermissions("call", "call")
	c := dial(t, s)
	c.send("Action: Login", "Username: fed", "Secret: x", "ActionID: 1")
	c.until("Authentication accepted")
	c.send("Action: PJSIPShowContacts", "ActionID: 2")
	c.until("Permission denied")
	s.Register("1001", "sip:1001@192.0.2.1", time.Minute)
	if got := c.until("DeviceStateChange"); strings.Contains(got, "ContactStatus") {
		t.Errorf("class call saw:\n%s", got)
	}
}

func TestForeignActionIsAnError(t *testing.T) {
	seen := make(chan error, 1)
	s := start(t, amitest.Config{OnError: func(err error) { seen <- err }})
	c := dial(t, s)
	c.send("Action: Login", "Username: fed", "Secret: x", "ActionID: 1")
	c.send("Action: GetConfig", "ActionID: 2", "Filename: pjsip.conf")
	c.until("Invalid/unknown command")
	if err := <-seen; !strings.Contains(err.Error(), "GetConfig") || len(s.Errors()) != 1 {
		t.Errorf("reported %v, errors %v", err, s.Errors())
	}
}

func TestBootAnnouncesContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := amitest.New(amitest.Config{Addr: "-", BootTime: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.Register("1001", "sip:1001@192.0.2.1", time.Minute)
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
		conn, err := s.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := &client{t, conn, bufio.NewReader(conn)}
		if _, err := c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		c.send("Action: Login", "Username: fed", "Secret: x", "ActionID: 1")
		c.send("Action: PJSIPShowContacts", "ActionID: 2")
		c.until("Invalid/unknown command")
		if got := c.until("FullyBooted"); !strings.Contains(got, "ContactStatus: NonQualified") {
			t.Errorf("before FullyBooted came:\n%s", got)
		}
	})
}

func TestOptions(t *testing.T) {
	s := start(t, amitest.Config{SIPAddr: "127.0.0.1:0"})
	conn, err := net.Dial("udp", s.SIPAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"+
		"From: <sip:fed@x>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: 1@x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SIP/2.0 200 OK\r\n", "branch=z9hG4bK1\r\n", "CSeq: 1 OPTIONS\r\n", "Call-ID: 1@x\r\n"} {
		if !strings.Contains(string(buf[:n]), want) {
			t.Errorf("answer lacks %q:\n%s", want, buf[:n])
		}
	}
}
