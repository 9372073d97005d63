package federation

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/xfr"
	"github.com/miekg/dns"
)

// deriveKey makes the transfer key of a federation whose Corefiles name none,
// out of the gossip key (HKDF, RFC 5869), so that one file serves a LAN. A
// federation whose gossip key rotates needs a transfer key of its own.
func deriveKey(gossipKeyFile, origin string) (*xfr.Key, error) {
	secret, err := serf.ReadKey(gossipKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "asterfed transfer "+origin, 32)
	if err != nil {
		return nil, fmt.Errorf("derive transfer key: %w", err)
	}
	return &xfr.Key{Name: "transfer." + origin, Algorithm: dns.HmacSHA256, Secret: base64.StdEncoding.EncodeToString(key)}, nil
}
