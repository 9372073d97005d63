package record

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// Digest sums up what a home zone holds at one version, in whatever order it
// came: two nodes that hold the same bindings at the same version have the same
// digest. The zero value stands for an empty home. It is comparable.
type Digest struct {
	Version
	Bindings int
	Sum      uint64 // of the hashes of all bindings, modulo 2^64
}

// DigestName returns the name at which a node that has the home zone apex answers
// with its digest.
// No home has that name, since it has two labels.
func DigestName(apex string) string { return digestLabel + apex }

const digestLabel = "_digest."

// DigestOf returns the home zone that name tells the digest of.
func DigestOf(name string) (apex string, ok bool) {
	return strings.CutPrefix(strings.ToLower(name), digestLabel)
}

// Strings returns the digest as the character-strings of its TXT.
func (d Digest) Strings() []string {
	return []string{TXTVersion, "epoch=" + d.Epoch, "serial=" + strconv.FormatUint(uint64(d.Serial), 10),
		"bindings=" + strconv.Itoa(d.Bindings), fmt.Sprintf("sum=%016x", d.Sum)}
}

// ParseDigest is the reverse of Digest.Strings. Unknown keys are ignored.
func ParseDigest(txt []string) (d Digest, err error) {
	if err := checkVersion(txt); err != nil {
		return d, err
	}
	seen := 0
	for _, s := range txt {
		key, val, _ := strings.Cut(s, "=")
		var n uint64
		switch key {
		case "epoch":
			d.Epoch = val
		case "serial":
			n, err = strconv.ParseUint(val, 10, 32)
			d.Serial = uint32(n)
		case "bindings":
			n, err = strconv.ParseUint(val, 10, 31)
			d.Bindings = int(n)
		case "sum":
			d.Sum, err = strconv.ParseUint(val, 16, 64)
		default:
			continue
		}
		if err != nil {
			return d, fmt.Errorf("parse digest: %q: %w", s, err)
		}
		seen++
	}
	if seen != 4 {
		return d, fmt.Errorf("parse digest: %d of its values are there, want epoch, serial, bindings and sum", seen)
	}
	return d, nil
}

// Hash is the hash of a binding, the same on every node. Upper and lower case of an
// AOR are one name.
func Hash(b *location.Binding) uint64 {
	h := hashText(uint64(b.Kind), string(b.AOR))
	h = mix(h ^ uint64(b.Contact))
	h = mix(h ^ uint64(b.Stamp))
	if b.Info != (location.Info{}) {
		h = hashDetails(h, b.Info.Details())
	}
	return h
}

func hashDetails(h uint64, d location.Details) uint64 {
	d.Each(func(key, val string) { h = hashText(hashText(h, key), val) })
	return h
}

// hashText takes eight octets at a time, and the length, so that no two texts in
// a row are another two. The bit of lower case is set in all.
func hashText(h uint64, s string) uint64 {
	const lower = 0x2020202020202020
	h = mix(h ^ uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		h = mix(h ^ (uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56 | lower))
	}
	var rest uint64
	for i := range len(s) {
		rest = rest<<8 | uint64(s[i])
	}
	return mix(h ^ (rest | lower))
}

// mix spreads every bit over all (the finalizer of splitmix64), so that no two
// differences cancel each other out in a sum. It is a bijection.
func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
