package pbx_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/location"
)

var update = flag.Bool("update", false, "write the golden files anew")

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

// phase is a stretch of a transcript: what was announced, then how each
// listing was answered.
type phase struct {
	events  []string
	answers map[string][]string
}

// phases reads a transcript that examples/pbx has captured.
func phases(t *testing.T, name string) []phase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	out := []phase{{answers: map[string][]string{}}}
	action := ""
	for block := range strings.SplitSeq(string(text), "\n\n") {
		last := &out[len(out)-1]
		if after, ok := strings.CutPrefix(strings.TrimSpace(block), "#>>> Action: "); ok {
			if action = strings.Fields(after)[0]; (action == "PJSIPShowEndpoint" || action == "QueueSummary") && len(last.answers) > 0 {
				out = append(out, phase{answers: map[string][]string{}})
			}
			if action == "Login" {
				action = ""
			}
			continue
		}
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		id := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "ActionID:") })
		switch {
		case lines[0] == "" || strings.HasPrefix(lines[0], "#"):
		case id >= 0:
			last.answers[action] = append(last.answers[action], strings.Join(slices.Delete(lines, id, id+1), "\r\n"))
		case action != "" && strings.HasPrefix(lines[0], "Event: "):
			if action == "ConfbridgeListRooms" || action == "IAXregistry" { // between two looks
				out = append(out, phase{answers: map[string][]string{}})
				action, last = "", &out[len(out)-1]
			}
			last.events = append(last.events, strings.Join(lines, "\r\n"))
		case action == "":
			last.events = append(last.events, strings.Join(lines, "\r\n"))
		}
	}
	return slices.DeleteFunc(out, func(p phase) bool {
		return len(p.answers["IAXpeerlist"])+len(p.answers["QueueSummary"]) == 0 && len(p.events) == 0
	})
}

// actor plays transcripts to a Client.
type actor struct {
	mu      sync.Mutex
	now     phase
	conn    net.Conn
	uptime  string
	asked   int      // how often PJSIPShowEndpoint was
	missing []string // actions that are answered "Permission denied"
	log     bytes.Buffer
}

func (a *actor) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	a.conn = far
	go a.serve(far)
	return near, nil
}

func (a *actor) serve(conn net.Conn) {
	fmt.Fprint(conn, "Asterisk Call Manager/11.0.0\r\n")
	head := map[string]string{}
	for sc := bufio.NewScanner(conn); sc.Scan(); {
		if key, val, ok := strings.Cut(sc.Text(), ": "); ok {
			head[key] = val
			continue
		}
		fmt.Fprint(conn, a.answer(head["Action"], head["ActionID"]))
		clear(head)
	}
}

func (a *actor) answer(action, id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	reply := a.now.answers[action]
	if action == "PJSIPShowEndpoint" {
		a.asked++
	}
	switch {
	case slices.Contains(a.missing, action):
		reply = []string{"Response: Error\r\nMessage: Permission denied"}
	case action == "Login":
		return "Response: Success\r\n\r\nEvent: FullyBooted\r\nUptime: " + a.uptime + "\r\n\r\n"
	case action == "PJSIPShowContacts":
		reply = []string{"Response: Error\r\nMessage: No Contacts found"}
	case len(reply) == 0 && action == "SIPpeers":
		reply = []string{"Response: Error\r\nMessage: Invalid/unknown command"}
	case len(reply) == 0 && slices.Contains([]string{"Filter", "CoreSettings", "Ping", "Logoff"}, action):
		reply = []string{"Response: Success"}
	case len(reply) == 0: // a list that never ends
		reply = []string{"Response: Success\r\nEventList: start"}
	}
	var b strings.Builder
	for _, r := range reply {
		head, rest, _ := strings.Cut(r, "\r\n")
		b.WriteString(strings.TrimSuffix(head+"\r\nActionID: "+id+"\r\n"+rest, "\r\n") + "\r\n\r\n")
	}
	return b.String()
}

// play goes on to a phase.
func (a *actor) play(p phase) {
	a.mu.Lock()
	if len(p.answers) > 0 {
		a.now.answers = p.answers
	}
	a.mu.Unlock()
	for _, e := range p.events {
		fmt.Fprint(a.conn, e+"\r\n\r\n")
		synctest.Wait()
	}
}

// watcher writes down what it is told of trunks and rooms, once for each news.
type watcher struct {
	mu      sync.Mutex
	devices []pbx.Device
	follow  []pbx.Class // none: rooms
	lines   []string
	last    map[pbx.Class]string
}

func (w *watcher) add(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.lines[max(0, len(w.lines)-4):], line) {
		w.lines = append(w.lines, line)
	}
}

func (w *watcher) take() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := strings.Join(w.lines, "; ")
	w.lines = nil
	return out
}

func (w *watcher) Devices() []pbx.Device { return w.devices }

func (w *watcher) Listed(state map[pbx.Device]error) {
	for _, d := range w.devices {
		if err, ok := state[d]; ok {
			w.add(fmt.Sprintf("%s: %v", d, err))
		}
	}
}

func (w *watcher) Follows(c pbx.Class) bool {
	return len(w.follow) == 0 || slices.Contains(w.follow, c)
}

func (w *watcher) Service(c pbx.Class, name string, there bool) {
	w.add(fmt.Sprintf("%s: %s %v", c, name, there))
}

func (w *watcher) Services(c pbx.Class, list []pbx.Service) {
	var words []string
	for _, s := range list {
		words = append(words, strings.TrimSuffix(fmt.Sprintf("%s/%d", s.Name, s.Staffed), "/0"))
	}
	line := fmt.Sprintf("%s: %v", c, words)
	if w.last == nil {
		w.last = map[pbx.Class]string{}
	}
	if w.last[c] != line {
		w.last[c] = line
		w.add(line)
	}
}

// watch runs f beside a Client that follows an actor.
func watch(t *testing.T, a *actor, w *watcher, f func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client := ami.New(ami.Config{Dial: a.dial, Logger: slog.New(slog.NewTextHandler(&a.log, &slog.HandlerOptions{Level: slog.LevelWarn}))},
			pbx.NewTrunks(w), pbx.NewServices(w))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { client.Run(ctx) })
		synctest.Wait()
		f()
		cancel()
		wg.Wait()
		a.conn.Close()
	})
}

// play plays a transcript, and compares what the watcher was told in each phase
// with a golden file.
func play(t *testing.T, a *actor, w *watcher, all []phase, file string) {
	watch(t, a, w, func() {
		var out strings.Builder
		fmt.Fprintln(&out, "begin:", w.take())
		for i, p := range all {
			a.play(p)
			<-time.After(6 * time.Second)
			fmt.Fprintf(&out, "phase %d: %s\n", i, w.take())
		}
		golden(t, file, out.String())
	})
}

// TestTranscriptOfTrunksAndRooms plays what real Asterisks of both versions
// said while a provider was there, died and came back, and while a room was in
// use.
func TestTranscriptOfTrunksAndRooms(t *testing.T) {
	for _, version := range []int{16, 22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			all := phases(t, fmt.Sprintf("ast%d_trunk.raw.txt", version))
			telco := pbx.Device{Kind: location.PJSIP, Name: "telco"}
			w := &watcher{devices: []pbx.Device{telco, {Kind: location.PJSIP, Name: "telco", Registration: "other"}, {Kind: location.IAX2, Name: "iaxtelco"}, {Kind: location.IAX2, Name: "none"}}}
			a := &actor{uptime: "7200", now: phase{answers: all[1].answers}}
			if len(all[0].answers["PJSIPShowEndpoint"]) > 0 {
				a.now.answers = all[0].answers
			}
			play(t, a, w, all, fmt.Sprintf("ast%d_trunk.golden", version))
		})
	}
}

// TestTranscriptOfServices plays what they said while members came to a queue,
// paused, were called and left, while calls were parked, fetched, given up and
// timed out, and while outbound registrations of chan_sip and IAX2 came and went.
func TestTranscriptOfServices(t *testing.T) {
	for _, version := range []int{16, 22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			all := phases(t, fmt.Sprintf("ast%d_services.raw.txt", version))
			w := &watcher{follow: []pbx.Class{pbx.Queues, pbx.Parked}, devices: []pbx.Device{{Kind: location.SIP, Name: "telco", Registration: "customer@10.88.0.100"},
				{Kind: location.IAX2, Name: "me", Registration: "iaxme@127.0.0.1:4569"}, {Kind: location.IAX2, Name: "far", Registration: "customer@10.88.0.100:4570"},
				{Kind: location.IAX2, Name: "other", Registration: "other@127.0.0.1"}}}
			peers := []string{"Response: Success\r\nEventList: start", "Event: PeerEntry\r\nObjectName: telco\r\nStatus: OK (1 ms)",
				"Event: PeerEntry\r\nObjectName: me\r\nStatus: OK (1 ms)", "Event: PeerEntry\r\nObjectName: far\r\nStatus: OK (1 ms)",
				"Event: PeerEntry\r\nObjectName: other\r\nStatus: OK (1 ms)", "Event: PeerlistComplete\r\nEventList: Complete"}
			for _, p := range all {
				if len(p.answers) > 0 {
					p.answers["SIPpeers"], p.answers["IAXpeerlist"] = peers, peers
				}
			}
			a := &actor{uptime: "7200", now: phase{answers: all[0].answers}}
			if len(a.now.answers) == 0 {
				a.now = phase{answers: all[1].answers}
			}
			play(t, a, w, all, fmt.Sprintf("ast%d_services.golden", version))
		})
	}
}
