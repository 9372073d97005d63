package stream

import (
	"fmt"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

const origin = "fed.example."

var testKey = &tsig.Key{Name: "transfer.", Algorithm: dns.HmacSHA256, Secret: "c2VjcmV0c2VjcmV0c2VjcmV0"}

// user names the i-th user: most are numbers, some are words, some have two
// labels.
func user(i int) location.AOR {
	switch i % 10 {
	case 0:
		return location.AOR(fmt.Sprintf("given%d.surname%d", i, i/10%2000))
	case 1, 2:
		return location.AOR(fmt.Sprintf("user-%06x", i))
	}
	return location.AOR(fmt.Sprintf("97231%07d", i))
}
