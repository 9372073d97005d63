package outbound

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/record"
)

// serials gives out the serials of the zone: the time in seconds where that
// is newer than the last one (RFC 1982), else the next number. None is given
// out twice, over restarts too.
//
// Two files know where it goes on. One has the last serial and the machine's boot
// ID; it is written with each serial and nobody waits for the disk, so that it
// survives the process and not the machine. The other is safe on the disk and has
// a serial that none has reached yet. The serial goes on behind that one after a
// crash of the machine alone: a serial that is ahead of the clock could not be
// found again if the directory were lost, and secondaries would keep the old zone.
type serials struct {
	file  string // "" keeps nothing
	boot  string // "" if it cannot be told
	now   func() time.Time
	last  uint32
	limit uint32 // what the file holds
}

// serialsAhead is how many serials are set aside at once, so that the disk is
// waited for once a minute at most.
const serialsAhead = 60

const (
	serialFile = "outward.serial"
	lastFile   = "outward.last"
)

// openSerials goes on behind the last serial that was ever given out. An error
// says that this is not known, or that the disk takes no more.
func openSerials(dir, boot string, now func() time.Time) (*serials, error) {
	s := &serials{now: now, boot: boot, last: uint32(now().Unix())}
	if dir == "" {
		return s, s.reserve()
	}
	s.file = filepath.Join(dir, serialFile)
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.keep()
	}
	n, perr := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err == nil {
		err = perr
	}
	if err != nil {
		return s, errors.Join(fmt.Errorf("read serial %s: %w", s.file, err), s.keep())
	}
	s.limit = uint32(n)
	given := s.limit
	if last, ok := s.given(); ok && !record.Newer(last, s.limit) {
		given = last
	}
	if !record.Newer(s.last, given) {
		s.last = following(given)
	}
	return s, s.keep()
}

// given returns the last serial that was given out since the machine started, and
// whether that is known.
func (s *serials) given() (uint32, bool) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(s.file), lastFile))
	f := strings.Fields(string(text))
	if err != nil || s.boot == "" || len(f) != 2 || f[1] != s.boot {
		return 0, false
	}
	n, err := strconv.ParseUint(f[0], 10, 32)
	return uint32(n), err == nil
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
	if !record.Newer(n, s.last) {
		n = following(s.last)
	}
	s.last = n
	return n, s.keep()
}

// keep notes the last serial for the next process, and for the next start of the
// machine that it is below the limit.
func (s *serials) keep() error {
	if s.file != "" && s.boot != "" {
		text := fmt.Sprintf("%d %s\n", s.last, s.boot)
		if err := datadir.Replace(filepath.Join(filepath.Dir(s.file), lastFile), datadir.Atomic, 0o640, datadir.Text(text)); err != nil {
			return errors.Join(fmt.Errorf("keep serial: %w", err), s.reserve())
		}
	}
	return s.reserve()
}

// reserve sets serials aside if the last one is beyond those that are.
func (s *serials) reserve() error {
	if s.limit != 0 && !record.Newer(s.last, s.limit) {
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
