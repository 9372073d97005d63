//go:build e2e

package lab

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// registrar answers SIP as an Asterisk does whose first answers are late, so that
// the phone has sent each request twice: it challenges both times, with another
// nonce. A request with credentials is taken, or refused.
func registrar(t *testing.T, refuse bool) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 4096)
		nonce := 0
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			request := string(buf[:n])
			method, _, _ := strings.Cut(request, " ")
			answer := func(status string, more ...string) {
				text := "SIP/2.0 " + status + "\r\n"
				for line := range strings.SplitSeq(request, "\r\n") {
					name, _, _ := strings.Cut(line, ":")
					switch name {
					case "To":
						line += ";tag=registrar"
						fallthrough
					case "Via", "From", "Call-ID", "CSeq":
						text += line + "\r\n"
					}
				}
				text += strings.Join(append(more, "Contact: <sip:registrar@"+conn.LocalAddr().String()+">", "Content-Length: 0", "", ""), "\r\n")
				_, _ = conn.WriteTo([]byte(text), from)
			}
			challenge := func() {
				nonce++
				answer("401 Unauthorized", fmt.Sprintf(`WWW-Authenticate: Digest realm="asterisk",nonce="%d",algorithm=MD5`, nonce))
			}
			switch {
			case method == "ACK":
			case method == "BYE":
				answer("200 OK")
			case !strings.Contains(request, "Authorization:") || refuse:
				challenge()
				challenge()
			default:
				answer("200 OK")
			}
		}
	}()
	return conn.LocalAddr().String()
}

// play runs a scenario as a phone does, and returns its log.
func play(t *testing.T, scenario, server string) (log string, err error) {
	t.Helper()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "log")
	list := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(list, []byte("SEQUENTIAL\n1001;[authentication username=1001 password=secret]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sipp", "-sf", filepath.Join(repo, "test/lab/sipp", scenario+".xml"), server, "-i", "127.0.0.1", "-m", "1", "-s", "1002",
		"-nostdin", "-timeout", "8s", "-timeout_error", "-au", "1001", "-ap", "secret", "-key", "user", "1001", "-key", "seconds", "60",
		"-key", "contact", "<sip:1001@127.0.0.1>", "-inf", list, "-trace_logs", "-log_file", file)
	cmd.Dir = t.TempDir()
	defer time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, tail(string(out), 5))
	}
	return read(file), err
}

// A challenge that answers a retransmitted request is passed over; one that
// answers the request with credentials is a refusal.
func TestRetransmittedChallenge(t *testing.T) {
	for _, scenario := range []string{"register", "register-many", "short"} {
		t.Run(scenario, func(t *testing.T) {
			if log, err := play(t, scenario, registrar(t, false)); err != nil || scenario == "short" && !strings.Contains(log, "200 ") {
				t.Errorf("challenged twice: %v, log %q", err, log)
			}
			began := time.Now()
			log, err := play(t, scenario, registrar(t, true))
			if err == nil && !strings.Contains(log, "401 ") {
				t.Errorf("refused: the phone is content, log %q", log)
			}
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("refused: the phone gives up after %v", d)
			}
		})
	}
}
