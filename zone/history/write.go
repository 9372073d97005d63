package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/view"
	bolt "go.etcd.io/bbolt"
)

// begin notes that a run begins, and when the last one was alive.
func (l *Log) begin(settings string) {
	l.began = note(l.born, startKey, fmt.Sprintf("alive=%d %s", l.lived, settings))
}

// measure reads how large the log is, and when the last run was alive.
func (l *Log) measure(tx *bolt.Tx) error {
	l.size, l.lived = 0, 0
	if b := tx.Bucket(meta).Get(aliveKey); len(b) == 8 {
		l.lived = int64(binary.BigEndian.Uint64(b))
	}
	return tx.Bucket(chunks).ForEach(func(_, v []byte) error {
		l.size += int64(len(v))
		return nil
	})
}

// flush writes what has come since the last time. What cannot be written waits
// for the next one, within the bounds of the queue.
func (l *Log) flush(homes func() map[string]view.HomeState) {
	now := l.cfg.Now()
	l.mu.Lock()
	list, gap := append(l.pending, l.queue...), l.missing
	l.queue, l.pending, l.missing = nil, nil, 0
	l.mu.Unlock()
	records := make([]entry, 0, len(list)+2)
	if l.began.text != "" {
		records = append(records, l.began)
	}
	if gap > 0 {
		records = append(records, note(now, gapKey, strconv.FormatInt(gap, 10)))
	}
	for _, c := range list {
		records = append(records, recordOf(c))
	}
	whole := now.Sub(l.homesAt) >= homesTime || l.cfg.MaxBytes > 0 && l.homesBy >= l.cfg.MaxBytes/8
	if whole { // so that pruning never takes the last word on a home
		for name, s := range homes() {
			records = append(records, entry{at: now, key: view.HomeKey(name), from: s, to: s})
		}
	}
	if len(records) == 0 && now.Sub(l.aliveAt) < aliveTime {
		return
	}
	if err := l.write(records, now); err != nil {
		l.spoilt = errors.Is(err, errUnreadable)
		l.keep(list, gap)
		l.tell(err)
		return
	}
	l.told, l.began, l.aliveAt = "", entry{}, now
	if whole {
		l.homesAt, l.homesBy = now, 0
	}
}

// Settled notes that from now on what the view does not know is absent.
func (l *Log) Settled() { l.Record(view.Change{At: l.cfg.Now(), Key: settledKey}) }

// keep puts back what could not be written.
func (l *Log) keep(list []view.Change, gap int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over := len(list) + len(l.queue) - maxQueue; over > 0 {
		over = min(over, len(list))
		list = list[over:]
		l.dropped += int64(over)
		gap += int64(over)
	}
	l.pending, l.missing = list, l.missing+gap
}

func (l *Log) tell(err error) {
	if err.Error() != l.told {
		l.told = err.Error()
		l.cfg.Logger.Error("history is not kept for now", "err", err)
	}
}

// write writes records as chunks in one transaction, which prunes too.
func (l *Log) write(records []entry, now time.Time) (err error) {
	defer guard(debug.SetPanicOnFault(true), &err)
	size, added := l.size, int64(0)
	err = l.db.Update(func(tx *bolt.Tx) error {
		all := tx.Bucket(chunks)
		all.FillPercent = 0.9 // keys only grow
		for part := range slices.Chunk(records, maxChunk) {
			chunk, err := l.pack.pack(part)
			if err != nil {
				return err
			}
			if err := all.Put(l.next(all, part[0].at), chunk); err != nil {
				return err
			}
			added += int64(len(chunk))
		}
		size += added
		var err error
		if size, err = l.prune(all, size, now); err != nil {
			return err
		}
		return tx.Bucket(meta).Put(aliveKey, binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli())))
	})
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	l.size, l.homesBy = size, l.homesBy+added
	return nil
}

// next returns the key of a chunk: its time, above that of every other, also
// when the clock was set back.
func (l *Log) next(all *bolt.Bucket, at time.Time) []byte {
	n := uint64(max(at.UnixNano(), 0))
	if last, _ := all.Cursor().Last(); len(last) == 8 {
		n = max(n, binary.BigEndian.Uint64(last)+1)
	}
	return binary.BigEndian.AppendUint64(nil, n)
}

// prune deletes the oldest chunks until what is left is within the bounds. A
// chunk is as old as the one behind it.
func (l *Log) prune(all *bolt.Bucket, size int64, now time.Time) (int64, error) {
	c := all.Cursor()
	for k, v := c.First(); k != nil; k, v = c.First() {
		next, _ := c.Next()
		if next == nil {
			break
		}
		old := l.cfg.MaxAge > 0 && now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(next)))) > l.cfg.MaxAge
		if !old && (l.cfg.MaxBytes <= 0 || size <= l.cfg.MaxBytes) {
			break
		}
		n := int64(len(v))
		if err := all.Delete(k); err != nil {
			return size, err
		}
		size -= n
	}
	return size, nil
}

// Homes returns the states of a view's homes.
func Homes(v *answer.Zone) map[string]view.HomeState {
	out := map[string]view.HomeState{}
	for _, h := range v.Homes() {
		out[h.Name] = h.State()
	}
	return out
}
