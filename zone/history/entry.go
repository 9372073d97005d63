package history

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/view"
)

// entry is a change as it is kept. In a chunk each is a head line, "= unix-ms
// key", and a line for each claim before ("-") and after ("+"), or for the state
// of a home.
type entry struct {
	at       time.Time
	key      view.Key
	was, now []view.Claimed
	from, to view.HomeState // of a home
	text     string         // of a note
}

// Keys of notes, which are no key of a view.
const (
	startKey   view.Key = view.NoteSign + "start"   // a run begins: "alive=<unix ms> order=newest"
	settledKey view.Key = view.NoteSign + "settled" // from here on, what is not known is absent
	gapKey     view.Key = view.NoteSign + "gap"     // changes are missing: their number
)

func (r entry) home() (string, bool) { return r.key.Home() }

func recordOf(c view.Change) entry {
	r := entry{at: c.At, key: c.Key, from: c.Was, to: c.Now}
	r.was, r.now = c.Claims()
	return r
}

// note is a record of the log itself.
func note(at time.Time, key view.Key, text string) entry { return entry{at: at, key: key, text: text} }

// append appends the text of a record.
func (r *entry) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, "= "...), r.at.UnixMilli(), 10)
	b = append(append(append(b, ' '), r.key...), '\n')
	if r.text != "" {
		return append(append(append(b, "! "...), r.text...), '\n')
	}
	if _, home := r.home(); home {
		return appendState(appendState(b, '-', r.from), '+', r.to)
	}
	for _, c := range r.was {
		b = append(view.AppendClaim(append(b, "- "...), c), '\n')
	}
	for _, c := range r.now {
		b = append(view.AppendClaim(append(b, "+ "...), c), '\n')
	}
	return b
}

func appendState(b []byte, op byte, s view.HomeState) []byte {
	b = fmt.Appendf(append(b, op), " %d %d", s.Reach, int64(s.RTT))
	for _, t := range s.Node {
		b = append(append(b, ' '), t...)
	}
	return append(b, '\n')
}

func parseState(line string) (s view.HomeState, err error) {
	f := strings.Fields(line)
	if len(f) < 2 {
		return s, fmt.Errorf("state %q: want reach, rtt and node", line)
	}
	reach, err := strconv.ParseUint(f[0], 10, 8)
	rtt, err2 := strconv.ParseInt(f[1], 10, 64)
	if err != nil || err2 != nil || view.Reach(reach) > view.Gone {
		return s, fmt.Errorf("state %q: want reach, rtt and node", line)
	}
	return view.HomeState{Reach: view.Reach(reach), RTT: time.Duration(rtt), Node: slices.Clone(f[2:])}, nil
}

// packer makes chunks. It keeps what a compressor needs, most of a megabyte, which
// would else be made and cleared anew every second.
type packer struct {
	deflate *flate.Writer // nil before the first chunk
	out     bytes.Buffer
	text    []byte
}

// pack makes a chunk of records; it is the caller's.
func (p *packer) pack(list []entry) ([]byte, error) {
	p.out.Reset()
	if p.deflate == nil {
		w, err := flate.NewWriter(&p.out, flate.BestSpeed)
		if err != nil {
			return nil, err
		}
		p.deflate = w
	}
	p.deflate.Reset(&p.out)
	for i := range list {
		p.text = list[i].append(p.text[:0])
		if _, err := p.deflate.Write(p.text); err != nil {
			return nil, err
		}
	}
	err := p.deflate.Close()
	return bytes.Clone(p.out.Bytes()), err
}

// unpack calls f with the records of a chunk that are wanted, in their order.
// Those that a later version has written otherwise are left out.
func unpack(chunk []byte, wanted func(key view.Key) bool, f func(entry)) error {
	in := flate.NewReader(bytes.NewReader(chunk))
	defer in.Close()
	lines := bufio.NewScanner(io.LimitReader(in, maxText))
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	var r *entry
	done := func() {
		if r != nil {
			f(*r)
		}
		r = nil
	}
	for lines.Scan() {
		line := lines.Text()
		if head, ok := strings.CutPrefix(line, "= "); ok {
			done()
			at, key, _ := strings.Cut(head, " ")
			ms, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				return fmt.Errorf("read history: record %q has no time", line)
			}
			if wanted(view.Key(key)) {
				r = &entry{at: time.UnixMilli(ms), key: view.Key(strings.Clone(key))}
			}
			continue
		}
		if r != nil && !r.take(line) {
			r = nil
		}
	}
	done()
	return lines.Err()
}

// Bounds of what is read: the text of a chunk, and the claims of a record.
const (
	maxText   = 64 << 20
	maxClaims = 1000
)

// take takes one line of a record; false if it says nothing.
func (r *entry) take(line string) bool {
	op, rest, _ := strings.Cut(line, " ")
	_, home := r.home()
	switch {
	case op == "!":
		r.text = strings.Clone(rest)
	case home && (op == "-" || op == "+"):
		s, err := parseState(rest)
		if err != nil {
			return false
		}
		if op == "-" {
			r.from = s
		} else {
			r.to = s
		}
	case op == "-" || op == "+":
		c, err := view.ParseClaim(rest)
		if err != nil || len(r.was)+len(r.now) >= maxClaims {
			return false
		}
		if op == "-" {
			r.was = append(r.was, c)
		} else {
			r.now = append(r.now, c)
		}
	}
	return true
}
