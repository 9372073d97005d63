package node

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
)

// former is what a journal of another name has kept.
type former struct {
	name string
	node *record.Node // nil if the journal has none
	kept []location.Binding
}

// takeFormer takes the journal of another node name or zone out of the way, and
// returns what it has. It returns nil if there is none, or if the journal is that of
// the node itself.
func takeFormer(dir, node, origin string, log *slog.Logger) (*former, error) {
	file := filepath.Join(dir, primary.JournalFile)
	name, of, err := journalOwner(file)
	if err != nil || name == "" || name == node && of == origin {
		return nil, err
	}
	j, damaged, err := primary.OpenJournal(dir, name, of)
	if err != nil || damaged != nil {
		return nil, err // it is set aside already
	}
	f := &former{name: name, node: j.Node(), kept: j.Bindings()}
	if err := j.Close(); err != nil {
		return nil, err
	}
	aside := fmt.Sprintf("%s.%s-%s", file, name, time.Now().UTC().Format("20060102T150405.000"))
	if err := os.Rename(file, aside); err != nil {
		return nil, fmt.Errorf("set journal of another name aside: %w", err)
	}
	log.Warn("data has the journal of another name", "journal_of", name, "zone", of, "node", node, "set_aside", aside)
	if of != origin {
		return nil, nil
	}
	return f, nil
}

// journalOwner returns the node and the zone that a journal belongs to, "" if there
// is none, or none that can be read.
func journalOwner(file string) (node, origin string, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 4096).ReadSlice('\n')
	fields := strings.Fields(string(line))
	if len(fields) < 6 || fields[0] != "asterfed-journal" || fields[1] != "1" || record.CheckNodeName(fields[2]) != nil {
		return "", "", nil
	}
	return fields[2], fields[3], nil
}

// renamed reports whether this node had the name before: its addresses are still
// those of the journal. Data that were copied from another machine fail this, and so
// nobody else's records are published here.
func (f *former) renamed(self record.Node) bool {
	return f != nil && f.node != nil && len(self.Addrs) > 0 && slices.Equal(f.node.Addrs, self.Addrs)
}

// takeOver publishes what the node has kept under its former name. It returns
// whether there was such a name.
func (f *former) takeOver(p *primary.Primary, log *slog.Logger) bool {
	if f == nil {
		return false
	}
	if !f.renamed(p.Node()) {
		log.Warn("not taken over: the journal's node had other addresses", "journal_of", f.name,
			"remedy", "if this node had that name, start it once with the old name and the new addresses, then with the new name")
		return false
	}
	if err := p.Recover(record.Version{}, f.kept, func() bool { return false }); err != nil {
		log.Warn("bindings of the former name not kept on disk", "err", err)
	}
	log.Info("node has another name: what it had published is taken over", "was", f.name, "now", p.Node().Name, "bindings", len(f.kept))
	return true
}

// namesFile has the names that the node and its Asterisk have had, one a line.
const namesFile = "names"

// names are the names that this node and its Asterisk have had: an Asterisk with a
// database goes on listing contacts under the name that it had when they registered.
// Safe for concurrent use.
type names struct {
	file string
	log  *slog.Logger

	mu   sync.Mutex
	list []string
}

// openNames reads the names in a data directory.
func openNames(dir string, log *slog.Logger) *names {
	n := &names{file: filepath.Join(dir, namesFile), log: log}
	text, err := os.ReadFile(n.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("former names cannot be read", "err", err)
	}
	n.list = strings.Fields(string(text))
	return n
}

// maxNames bounds the names that are remembered; the oldest go first.
const maxNames = 20

// add remembers a name.
func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name == "" || len(strings.Fields(name)) != 1 || slices.Contains(n.list, name) {
		return
	}
	n.list = append(n.list, name)
	n.list = n.list[max(0, len(n.list)-maxNames):]
	if err := datadir.Replace(n.file, datadir.Durable, 0o640, datadir.Text(strings.Join(n.list, "\n")+"\n")); err != nil {
		n.log.Warn("name is not remembered", "name", name, "err", err)
	}
}

// had reports whether a name is remembered.
func (n *names) had(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.list, name)
}
