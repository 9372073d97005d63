package registrations

import (
	"iter"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// row is one registered PJSIP contact of a listing.
type row struct {
	user     *user // nil where the AOR was no user's when the row was read
	aor      location.AOR
	uri      string
	endpoint string
	expires  int64 // Unix seconds, zero where Asterisk does not tell
}

func (r *row) contact() location.Contact {
	c := location.Contact{AOR: r.aor, Kind: location.PJSIP, URI: r.uri}
	if r.expires != 0 {
		c.Expires = time.Unix(r.expires, 0)
	}
	return c
}

// expired reports whether a registration that ends at x, in Unix seconds, is
// over. Zero never is.
func expired(x int64, now time.Time) bool { return x != 0 && !time.Unix(x, 0).After(now) }

// rows are those of one listing. Nobody knows beforehand how many will come, so
// that they stand in blocks: none is ever copied to make room.
type rows struct {
	blocks [][]row
	n      int // those dropped left out
}

const (
	firstBlock = 4 // most AORs have a contact or two
	rowBlock   = 256
)

// add returns where the row stands now.
func (r *rows) add(x row) *row {
	last := len(r.blocks) - 1
	if last < 0 || len(r.blocks[last]) == cap(r.blocks[last]) {
		size := rowBlock
		if last < 0 {
			size = firstBlock
		}
		r.blocks = append(r.blocks, make([]row, 0, size))
		last++
	}
	b := append(r.blocks[last], x)
	r.blocks[last] = b
	r.n++
	return &b[len(b)-1]
}

// drop takes out a row, which may be the one at hand in all.
func (r *rows) drop(x *row) {
	*x = row{}
	r.n--
}

// all goes through the rows in the order in which they came.
func (r *rows) all() iter.Seq[*row] {
	return func(yield func(*row) bool) {
		for _, b := range r.blocks {
			for i := range b {
				if b[i].aor != "" && !yield(&b[i]) {
					return
				}
			}
		}
	}
}
