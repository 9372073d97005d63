package serf

import (
	"fmt"
	"maps"

	"github.com/hashicorp/memberlist"
)

// copyTags returns a copy that is never nil.
func copyTags(tags map[string]string) map[string]string {
	c := make(map[string]string, len(tags))
	maps.Copy(c, tags)
	return c
}

func checkTags(tags map[string]string) error {
	if n := tagsSize(tags); n > memberlist.MetaMaxSize {
		return fmt.Errorf("check tags: %d bytes encoded, at most %d allowed", n, memberlist.MetaMaxSize)
	}
	return nil
}

// tagsSize returns the length of tags as Serf encodes them: one byte that
// says so, then a msgpack map of raw strings.
func tagsSize(tags map[string]string) int {
	n := 1 + msgpackHead(len(tags), 15)
	for k, v := range tags {
		n += msgpackHead(len(k), 31) + len(k) + msgpackHead(len(v), 31) + len(v)
	}
	return n
}

// msgpackHead returns how many bytes announce n elements: one up to fix, else
// three (the tags never reach 64 KiB).
func msgpackHead(n, fix int) int {
	if n <= fix {
		return 1
	}
	return 3
}
