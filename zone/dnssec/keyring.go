package dnssec

import (
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Keyring is the keys of a zone. It is immutable.
type Keyring struct{ keys []*Key }

// ReadKeys reads key files; see readKey. Without one key that can sign at the
// time now, it is an error.
func ReadKeys(files []string, origin string, now time.Time) (*Keyring, error) {
	var r Keyring
	for _, f := range files {
		k, err := readKey(f, origin)
		if err != nil {
			return nil, err
		}
		for _, other := range r.keys {
			if other.tag == k.tag && other.Algorithm == k.Algorithm {
				return nil, fmt.Errorf("DNSSEC key %s: there is another with the tag %d", f, k.tag)
			}
		}
		r.keys = append(r.keys, k)
	}
	if len(r.signers(dns.TypeSOA, now)) == 0 {
		return nil, errors.New("no DNSSEC key is active now: look at the times in the .private files (dnssec-settime -p all)")
	}
	return &r, nil
}

// signers returns the active keys that sign an RRset of a type: the secure
// entry points sign keys, the others all else, and where there is only one sort
// it signs everything.
func (r *Keyring) signers(typ uint16, now time.Time) []*Key {
	keys := typ == dns.TypeDNSKEY || typ == dns.TypeCDS || typ == dns.TypeCDNSKEY
	var fit, all []*Key
	for _, k := range r.keys {
		if !k.active(now) {
			continue
		}
		all = append(all, k)
		if k.entry() == keys {
			fit = append(fit, k)
		}
	}
	if len(fit) > 0 {
		return fit
	}
	return all
}

// dnskeys is the DNSKEY RRset.
func (r *Keyring) dnskeys(now time.Time) (out []dns.RR) {
	for _, k := range r.keys {
		if k.published(now) {
			out = append(out, dns.Copy(k.DNSKEY))
		}
	}
	return out
}

// children are the CDS or CDNSKEY RRset: the keys that the parent's DS should
// be about (RFC 7344 §3).
func (r *Keyring) children(typ uint16, now time.Time) (out []dns.RR) {
	for _, k := range r.signers(dns.TypeDNSKEY, now) {
		if typ == dns.TypeCDNSKEY {
			c := k.ToCDNSKEY()
			c.Hdr.Ttl = keyTTL
			out = append(out, c)
		} else if ds := k.ToDS(dns.SHA256); ds != nil {
			c := ds.ToCDS()
			c.Hdr.Ttl = keyTTL
			out = append(out, c)
		}
	}
	return out
}
