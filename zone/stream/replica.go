package stream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// replicaSuffix ends the name of a replica's file.
const replicaSuffix = ".zone"

// ReplicaFile returns the path in dir of the replica of a node's home zone.
func ReplicaFile(dir, node string) string { return filepath.Join(dir, node+replicaSuffix) }

// ReplicaNode is the reverse of ReplicaFile: the node whose replica a file is.
func ReplicaNode(file string) (node string, ok bool) {
	node, ok = strings.CutSuffix(filepath.Base(file), replicaSuffix)
	return node, ok && record.CheckNodeName(node) == nil
}

// WriteReplica writes the replica of a home zone to a master file (RFC 1035 §5), with
// the address of the node's DNS server in the first line. An existing file is
// replaced only by a complete one.
func WriteReplica(file string, h *view.Home, origin, addr string, ttl uint32) error {
	err := datadir.Replace(file, datadir.Atomic, 0o640, func(tmp *os.File) error {
		w := bufio.NewWriterSize(tmp, 1<<16)
		fmt.Fprintf(w, "; dns %s\n", addr)
		apex := record.HomeZone(h.Name, origin)
		err := transfer(Replica{h}, Query{Origin: origin, Apex: apex, TTL: ttl}, &lines{w: w, apex: apex, ttl: ttl})
		if ferr := w.Flush(); err == nil {
			err = ferr
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keep copy: %w", err)
	}
	return nil
}

// ReadReplica reads what WriteReplica has written, and checks its records as it
// checks those of a peer. A file that ends early is an error.
func ReadReplica(file, node, origin string) (t *Transfer, addr string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "", fmt.Errorf("read copy: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	line, err := in.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "; dns ")
	if err != nil || !ok {
		return nil, "", fmt.Errorf("read copy %s: the first line is not \"; dns HOST:PORT\"", file)
	}
	r := &Reader{apex: record.HomeZone(node, origin)}
	err = r.lines(in)
	if errors.Is(err, errNotOurs) { // somebody else has written it
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			r = &Reader{apex: r.apex}
			err = r.file(f, file)
		}
	}
	if err == nil && !r.done {
		err = ErrShort
	}
	if err != nil {
		return nil, "", fmt.Errorf("read copy %s: %w", file, err)
	}
	return &r.t, addr, nil
}

// file reads the records of any master file.
func (r *Reader) file(in io.Reader, name string) error {
	p := dns.NewZoneParser(in, ".", name)
	for rr, more := p.Next(); more; rr, more = p.Next() {
		if _, err := r.add(rr); err != nil {
			return err
		}
	}
	return p.Err()
}
