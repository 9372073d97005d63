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
	"github.com/asterfed/asterfed/zone/datadir"
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
	text := strconv.FormatUint(uint64(limit), 10) + "\n"
	if err := datadir.Replace(s.file, datadir.Durable, 0o640, datadir.Text(text)); err != nil {
		return fmt.Errorf("keep serial: %w", err)
	}
	s.limit = limit
	return nil
}
