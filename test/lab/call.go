package lab

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Call is what became of a call.
type Call struct {
	// Code is the final SIP response, 200 for a call that was answered, zero
	// where none came in time.
	Code int
	// After is the time from INVITE to the final response.
	After time.Duration
	// Rang tells that a 180 came.
	Rang bool
	// Log is the phone's own, for messages.
	Log string
}

// Calling is a call under way.
type Calling struct {
	// Media is the port on which the calling phone takes RTP.
	Media int

	cmd  *exec.Cmd
	dir  string
	done chan struct{}
}

// Dial starts a call from the user's phone through the node. It sends 8 s of
// speech and the digit 5 where the call is answered, unless the scenario
// "short", which hangs up at once, is asked for.
func (l *Lab) Dial(scenario, user string, through *Node, to string, limit time.Duration, args ...string) (*Calling, error) {
	sip, rtp := l.ports()
	cmd, dir, err := l.sipp(scenario, append([]string{through.phones, "-p", sip, "-mp", rtp, "-m", "1",
		"-timeout", strconv.Itoa(int(limit.Seconds())) + "s", "-timeout_error", "-s", to,
		"-au", user, "-ap", Password(user), "-key", "user", user}, args...)...)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start call: %w", err)
	}
	media, _ := strconv.Atoi(rtp)
	c := &Calling{Media: media, cmd: cmd, dir: dir, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(c.done) }()
	return c, nil
}

// Wait waits until the call has ended.
func (c *Calling) Wait() Call {
	<-c.done
	var r Call
	var start int
	for line := range strings.Lines(read(c.dir + "/log")) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		at, _ := strconv.Atoi(f[len(f)-1])
		switch event := f[len(f)-2]; event {
		case "invite":
			start = at
		case "ringing":
			r.Rang = true
		default:
			r.Code, _ = strconv.Atoi(event)
			r.After = time.Duration(at-start) * time.Millisecond
		}
	}
	r.Log = read(c.dir+"/errors") + read(c.dir+"/log")
	return r
}

// Call makes a short call and waits for its end.
func (l *Lab) Call(user string, through *Node, to string) (Call, error) {
	c, err := l.Dial("short", user, through, to, 45*time.Second)
	if err != nil {
		return Call{}, err
	}
	return c.Wait(), nil
}
