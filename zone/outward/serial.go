package outward

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone"
)

// serials gives out the serials of the zone: the time in seconds where that
// is newer than the last one (RFC 1982), else the next number. None is given
// out twice, over restarts too: a file holds one that none has reached.
type serials struct {
	file  string // "" keeps nothing
	now   func() time.Time
	last  uint32
	limit uint32 // what the file holds
}

// serialsAhead is how many serials are set aside at once, so that the disk is
// written seldom. After a crash the serial goes on behind them.
const serialsAhead = 600

const serialFile = "outward.serial"

// openSerials goes on behind the last serial that was ever given out. An error
// says that this is not known, or that the disk takes no more.
func openSerials(dir string, now func() time.Time) (*serials, error) {
	s := &serials{now: now, last: uint32(now().Unix())}
	if dir == "" {
		return s, s.reserve()
	}
	s.file = filepath.Join(dir, serialFile)
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.reserve()
	}
	n, perr := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err == nil {
		err = perr
	}
	if err != nil {
		return s, errors.Join(fmt.Errorf("read serial %s: %w", s.file, err), s.reserve())
	}
	if s.limit = uint32(n); !zone.Newer(s.last, s.limit) {
		s.last = following(s.limit)
	}
	return s, s.reserve()
}

// following is the serial behind n; 0 means something else to some.
func following(n uint32) uint32 {
	if n++; n == 0 {
		n = 1
	}
	return n
}

// next returns a serial that is newer than all before. An error says that the
// disk does not know of it; it is good all the same.
func (s *serials) next() (uint32, error) {
	n := uint32(s.now().Unix())
	if !zone.Newer(n, s.last) {
		n = following(s.last)
	}
	s.last = n
	return n, s.reserve()
}

// reserve sets serials aside if the last one is beyond those that are.
func (s *serials) reserve() error {
	if s.limit != 0 && !zone.Newer(s.last, s.limit) {
		return nil
	}
	return s.write(s.last + serialsAhead)
}

// close gives back what was set aside.
func (s *serials) close() error { return s.write(s.last) }

func (s *serials) write(limit uint32) error {
	if s.file == "" {
		s.limit = limit
		return nil
	}
	err := replace(s.file, strconv.FormatUint(uint64(limit), 10)+"\n")
	if err == nil {
		s.limit = limit
	}
	return err
}

// replace writes a file anew, so that a crash leaves the old one or the new.
func replace(file, text string) error {
	tmp, err := os.OpenFile(file+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("keep serial: %w", err)
	}
	_, err = tmp.WriteString(text)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if dir, derr := os.Open(filepath.Dir(file)); err == nil && derr == nil {
		err = dir.Sync()
		dir.Close()
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("keep serial: %w", err)
	}
	return nil
}
