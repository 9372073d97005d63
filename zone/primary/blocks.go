package primary

import (
	"hash/crc32"
	"io"
)

// blockSize is how many octets of a journal are written at once, and about how
// much memory that takes.
const blockSize = 1 << 16

// blocks writes one batch of a journal: lines are appended to buf. A short batch
// is a single write, a long one takes no more memory than a block.
type blocks struct {
	to   io.Writer
	buf  []byte // not written yet
	sum  uint32 // CRC-32 of the lines before those in buf
	size int64  // octets written
	err  error  // the first; nothing is written behind it
}

// next makes room for another line.
func (b *blocks) next() {
	if len(b.buf) < blockSize {
		return
	}
	b.summed()
	b.write()
}

// summed returns the sum of all lines.
func (b *blocks) summed() uint32 {
	b.sum = crc32.Update(b.sum, crc32.IEEETable, b.buf)
	return b.sum
}

func (b *blocks) write() {
	if b.err == nil {
		var n int
		n, b.err = b.to.Write(b.buf)
		b.size += int64(n)
	}
	b.buf = b.buf[:0]
}

// end ends the batch, which leads to a serial.
func (b *blocks) end(serial uint32) error {
	b.buf = appendEnd(b.buf, serial, b.summed())
	b.write()
	return b.err
}
