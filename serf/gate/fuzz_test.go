package gate

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/memberlist"
)

// Tags of other members are whatever they send.
func FuzzTagsOf(f *testing.F) {
	var meta []byte
	if err := codec.NewEncoderBytes(&meta, &codec.MsgpackHandle{}).Encode(map[string]string{"zone": "fed.example.", "v": "1"}); err != nil {
		f.Fatal(err)
	}
	meta = append([]byte{tagsMagic}, meta...)
	if tags := tagsOf(meta); tags[ZoneTag] != "fed.example." || len(tags) != 2 {
		f.Fatalf("tags %v", tags)
	}
	f.Add(meta)
	f.Add(meta[:len(meta)-3])
	f.Add([]byte("role"))
	f.Add([]byte{tagsMagic, 0xdf, 0xff, 0xff, 0xff, 0xff}) // a map of 4 billion
	f.Add([]byte{tagsMagic, 0x81, 0xdb, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{})
	a := &Admission{Self: "self", Zone: "fed.example.", Log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, meta []byte) {
		n := &memberlist.Node{Name: "x", Meta: meta}
		zone := tagsOf(meta)[ZoneTag]
		if err := a.NotifyAlive(n); (err != nil) != (zone != "" && zone != a.Zone) {
			t.Errorf("zone %q: %v", zone, err)
		}
	})
}

// Whatever arrives is passed on to Serf as it is.
func FuzzKeyWatch(f *testing.F) {
	f.Add(append([]byte{queryMessage}, "_serf_install-key"...))
	var query []byte
	err := codec.NewEncoderBytes(&query, &codec.MsgpackHandle{}).Encode(struct {
		ID         uint32
		Addr       []byte
		SourceNode string
		Name       string
		Payload    []byte
	}{1, []byte{10, 0, 0, 1}, "a\x1b[31m", "_serf_use-key", []byte{7, 0x81, 0xa3, 'K', 'e', 'y', 0xda, 0xff, 0xff}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append([]byte{queryMessage}, query...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, msg []byte) {
		var out bytes.Buffer
		got := &taker{}
		w := WatchKeys(got, func([]byte) string { return "id" }, slog.New(slog.NewTextHandler(&out, nil)))
		w.NotifyMsg(msg)
		w.NotifyMsg(msg)
		if len(got.msgs) != 2 || !bytes.Equal(got.msgs[0], msg) {
			t.Errorf("%d messages passed on", len(got.msgs))
		}
		if n := bytes.Count(out.Bytes(), []byte("\n")); n > 1 || len(out.Bytes()) > 2000 || bytes.ContainsRune(out.Bytes(), '\x1b') {
			t.Errorf("log of %d octets in %d lines", out.Len(), n)
		}
	})
}

// taker is a delegate that keeps what it is given.
type taker struct {
	memberlist.Delegate
	msgs [][]byte
}

func (t *taker) NotifyMsg(msg []byte) { t.msgs = append(t.msgs, bytes.Clone(msg)) }
