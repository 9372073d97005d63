package source

import (
	"context"
	"log/slog"
	"os"
	"time"
)

// Reread reads a file again when it changes. Not safe for concurrent use.
type Reread struct {
	Logger *slog.Logger
	// Kept is the message of the log line that says that a file cannot be read,
	// and so what was read before stays in force.
	Kept string

	seen   os.FileInfo // of the last file that was read
	logged string      // the last error
}

// poll calls read if the file at path is not, unchanged, the one that read last
// took. A file that read refuses is read again at the next call.
func (f *Reread) poll(path string, read func() error) {
	f.Try(func() error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
			return nil
		}
		if err := read(); err != nil {
			return err
		}
		f.seen = info
		return nil
	})
}

// Try calls read, and logs its error unless the last one was the same.
func (f *Reread) Try(read func() error) {
	switch err := read(); {
	case err == nil:
		f.logged = ""
	case err.Error() != f.logged:
		f.logged = err.Error()
		f.Logger.Error(f.Kept, "err", err)
	}
}

// Every calls f once a period until ctx ends.
func Every(ctx context.Context, period time.Duration, f func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// filePeriod is how often the files of a directory and of trunks are looked at.
const filePeriod = 2 * time.Second
