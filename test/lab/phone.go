package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sipp returns a SIPp command in the phones' namespace. Its files go to a
// folder of its own, which is returned.
func (l *Lab) sipp(scenario string, args ...string) (*exec.Cmd, string, error) {
	dir, err := os.MkdirTemp(l.Dir, "sipp-")
	if err != nil {
		return nil, "", fmt.Errorf("make folder: %w", err)
	}
	args = append([]string{"sipp", "-sf", filepath.Join(l.Repo, "test/lab/sipp", scenario+".xml"),
		"-i", PhoneAddress, "-nostdin", "-trace_err", "-error_file", dir + "/errors",
		"-trace_logs", "-log_file", dir + "/log", "-trace_msg", "-message_file", dir + "/messages"}, args...)
	cmd := l.phones.command(args...)
	cmd.Dir = dir
	return cmd, dir, nil
}

// ports returns two free ports: for SIP, and for RTP (even).
func (l *Lab) ports() (sip, rtp string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.port += 10
	if l.port > 29000 {
		l.port = 20000
	}
	return strconv.Itoa(l.port), strconv.Itoa(l.port + 2)
}

// Password returns the password that the example gives a user.
func Password(user string) string { return "change-me-" + user }

// Register registers a contact for the user at the node, for so many seconds;
// 0 removes it. The contact is an address as "sip:1001@10.88.0.100:6001", or
// "*" to remove all.
func (l *Lab) Register(user string, at *Node, contact string, seconds int) error {
	return l.register(user, at, at.phones, contact, seconds)
}

// RegisterAt is Register at a port of the node.
func (l *Lab) RegisterAt(user string, at *Node, port, contact string, seconds int) error {
	return l.register(user, at, at.Address+":"+port, contact, seconds)
}

func (l *Lab) register(user string, at *Node, server, contact string, seconds int) error {
	if contact != "*" {
		contact = "<" + contact + ">"
	}
	sip, _ := l.ports()
	cmd, dir, err := l.sipp("register", server, "-p", sip, "-m", "1", "-timeout", "8s",
		"-au", user, "-ap", Password(user), "-key", "user", user,
		"-key", "contact", contact, "-key", "seconds", strconv.Itoa(seconds))
	if err != nil {
		return err
	}
	// SIPp repeats a request that nobody answers for half a minute.
	defer time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("register %s at %s: %w: %s %s", user, at.Name, err, read(dir+"/errors"), tail(string(out), 5))
	}
	return nil
}

// Phone is a phone that waits for calls.
type Phone struct {
	// Contact is its address, to be registered.
	Contact string
	// Media is the port on which it takes RTP.
	Media int
	dir   string
	cmd   *exec.Cmd
	gone  chan struct{}
}

// Phone starts a phone for the user, which treats calls as the scenario says
// (answer, busy, decline, ring, forward).
func (l *Lab) Phone(user, scenario string, args ...string) (*Phone, error) {
	sip, rtp := l.ports()
	return l.PhoneAt(user, scenario, sip, rtp, args...)
}

// PhoneAt is Phone at given ports, for SIP and for RTP.
func (l *Lab) PhoneAt(user, scenario, sip, rtp string, args ...string) (*Phone, error) {
	cmd, dir, err := l.sipp(scenario, append([]string{"-p", sip, "-mp", rtp, "-rtp_echo"}, args...)...)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start phone %s: %w", user, err)
	}
	media, _ := strconv.Atoi(rtp)
	p := &Phone{Contact: "sip:" + user + "@" + PhoneAddress + ":" + sip, Media: media, dir: dir, cmd: cmd, gone: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.gone) }()
	l.mu.Lock()
	l.agents = append(l.agents, p)
	l.mu.Unlock()
	port, _ := strconv.Atoi(sip)
	if !Poll(5*time.Second, func() bool { return l.listens(port) }) {
		return nil, fmt.Errorf("start phone %s: it does not listen: %s", user, read(dir+"/errors"))
	}
	return p, nil
}

// listens reports whether a UDP socket is bound to the port.
func (l *Lab) listens(port int) bool {
	out, _ := l.phones.command("cat", "/proc/net/udp").Output()
	return strings.Contains(string(out), fmt.Sprintf(":%04X ", port))
}

// Invites returns how many calls have reached the phone.
func (p *Phone) Invites() int {
	seen := map[string]bool{}
	for message := range strings.SplitSeq(read(p.dir+"/messages"), "-----------------------------------------------") {
		if !strings.Contains(message, "received") || !strings.Contains(message, "\nINVITE ") {
			continue
		}
		for line := range strings.Lines(message) {
			if strings.HasPrefix(line, "Call-ID:") {
				seen[line] = true
			}
		}
	}
	return len(seen)
}

// Stop ends the phone.
func (p *Phone) Stop() { kill(p.cmd, p.gone, unix.SIGKILL) }

func read(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// RegisterMany registers the users of a list (a SIPp injection file) at the
// node, so many a second; 0 seconds removes them.
func (l *Lab) RegisterMany(at *Node, list string, users, rate, seconds int) error {
	sip, _ := l.ports()
	cmd, dir, err := l.sipp("register-many", at.Address+":5060", "-p", sip, "-inf", list,
		"-m", strconv.Itoa(users), "-r", strconv.Itoa(rate), "-key", "seconds", strconv.Itoa(seconds))
	if err != nil {
		return err
	}
	defer time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("register %d users at %s: %w: %s %s", users, at.Name, err, tail(read(dir+"/errors"), 5), tail(string(out), 5))
	}
	return nil
}
