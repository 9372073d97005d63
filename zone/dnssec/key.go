package dnssec

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Key is a key pair of the zone as dnssec-keygen writes it, with the times
// that its private half gives (RFC 7583 has the words for them).
type Key struct {
	*dns.DNSKEY
	signer crypto.Signer
	tag    uint16
	// The times from when on; zero where the file does not say: published and
	// active at once, inactive and deleted never.
	publish, activate, inactive, remove time.Time
}

// readKey reads the pair of files that dnssec-keygen writes:
// K<zone>+<algorithm>+<tag>.key and .private. The path may end in either, or in
// neither. A key of another zone, or of an algorithm that cannot sign, is an
// error.
func readKey(path, origin string) (*Key, error) {
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".key"), ".private")
	public, err := os.ReadFile(path + ".key")
	if err != nil {
		return nil, fmt.Errorf("read DNSSEC key: %w", err)
	}
	private, err := os.ReadFile(path + ".private")
	if err != nil {
		return nil, fmt.Errorf("read DNSSEC key: %w", err)
	}
	k, err := parseKey(public, private, origin)
	if err != nil {
		return nil, fmt.Errorf("DNSSEC key %s: %w", path, err)
	}
	return k, nil
}

func parseKey(public, private []byte, origin string) (*Key, error) {
	rr, err := dns.ReadRR(bytes.NewReader(public), "")
	if err != nil {
		return nil, err
	}
	dnskey, ok := rr.(*dns.DNSKEY)
	switch {
	case !ok:
		return nil, fmt.Errorf("the .key file holds no DNSKEY record: make the pair with dnssec-keygen")
	case dns.CanonicalName(dnskey.Hdr.Name) != origin:
		return nil, fmt.Errorf("it is for the zone %s, want %s", dnskey.Hdr.Name, origin)
	case dnskey.Flags&dns.ZONE == 0 || dnskey.Protocol != 3:
		return nil, fmt.Errorf("flags %d, protocol %d: not a key that signs zones (RFC 4034 §2.1)", dnskey.Flags, dnskey.Protocol)
	case dnskey.Flags&dns.REVOKE != 0:
		return nil, fmt.Errorf("it is revoked")
	}
	raw, err := dnskey.ReadPrivateKey(bytes.NewReader(private), "")
	if err != nil {
		return nil, fmt.Errorf("the .private file: %w", err)
	}
	signer, ok := raw.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("algorithm %s cannot sign here: want ECDSAP256SHA256, ED25519 or RSASHA256",
			dns.AlgorithmToString[dnskey.Algorithm])
	}
	dnskey.Hdr.Name, dnskey.Hdr.Ttl = origin, keyTTL
	k := &Key{DNSKEY: dnskey, signer: signer, tag: dnskey.KeyTag()}
	if err := k.try(); err != nil {
		return nil, fmt.Errorf("the .private file does not belong to the .key file: %w", err)
	}
	return k, k.times(private)
}

// try signs something and verifies it.
func (k *Key) try() error {
	if d, ok := k.signer.(*ecdsa.PrivateKey); ok {
		if _, err := d.Bytes(); err != nil {
			return fmt.Errorf("it holds no private key: %w", err)
		}
	}
	set := []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: k.Hdr.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"x"}}}
	sig, err := fresh(set, k, time.Unix(1<<30, 0))
	if err != nil {
		return err
	}
	return sig.Verify(k.DNSKEY, set)
}

// times reads "Activate: 20261123023400" and its like, in UTC.
func (k *Key) times(private []byte) error {
	at := map[string]*time.Time{"Publish": &k.publish, "Activate": &k.activate, "Inactive": &k.inactive, "Delete": &k.remove}
	lines := bufio.NewScanner(bytes.NewReader(private))
	for lines.Scan() {
		word, val, _ := strings.Cut(lines.Text(), ":")
		if at[word] == nil {
			continue
		}
		t, err := time.Parse("20060102150405", strings.TrimSpace(val))
		if err != nil {
			return fmt.Errorf("%s: want YYYYMMDDHHMMSS: %w", lines.Text(), err)
		}
		*at[word] = t
	}
	return lines.Err()
}

func passed(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// published reports whether the key stands in the DNSKEY RRset.
func (k *Key) published(now time.Time) bool {
	return (k.publish.IsZero() || passed(k.publish, now)) && !passed(k.remove, now)
}

// active reports whether the key signs.
func (k *Key) active(now time.Time) bool {
	return k.published(now) && (k.activate.IsZero() || passed(k.activate, now)) && !passed(k.inactive, now)
}

// entry reports whether the key is a secure entry point (RFC 4034 §2.1.1): the
// parent's DS is about it, and it signs the keys.
func (k *Key) entry() bool { return k.Flags&dns.SEP != 0 }

// keyTTL is the TTL of DNSKEY, CDS and CDNSKEY, in seconds: keys do not roam.
const keyTTL = 3600
