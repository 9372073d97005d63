package record

import (
	"fmt"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// The wire form of a binding is one TXT record (RFC 1464 key=value strings)
// in its home zone; docs/records.md has the grammar.

// TXTVersion is the first string of each.
const TXTVersion = "v=1"

func checkVersion(txt []string) error {
	if len(txt) == 0 || txt[0] != TXTVersion {
		return fmt.Errorf("TXT begins with %q: want %q", strings.Join(txt, " "), TXTVersion)
	}
	return nil
}

// HomeZone returns the origin of a node's home zone in the federation zone
// origin: "pbx-a.homes.fed.example.".
func HomeZone(node, origin string) string { return node + ".homes." + origin }

// HomeOf returns the node whose home zone is name, and whether it is one.
func HomeOf(name, origin string) (node string, ok bool) {
	node, ok = strings.CutSuffix(strings.ToLower(name), ".homes."+origin)
	if !ok || CheckNodeName(node) != nil {
		return "", false
	}
	return node, true
}

// TXT returns the record that carries b in the home zone apex.
func TXT(b location.Binding, apex string, ttl uint32) *dns.TXT {
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: Owner(b, apex), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl}}
	rr.Txt = append(make([]string, 0, 5), TXTVersion, "k="+b.Kind.String())
	if b.Kind.Registered() {
		rr.Txt = append(rr.Txt, "c="+b.Contact.String())
	}
	if b.Stamp != 0 {
		rr.Txt = append(rr.Txt, "t="+b.Stamp.String())
	}
	if b.Kind.Registered() {
		if b.AOR.Fold() != string(b.AOR) {
			rr.Txt = append(rr.Txt, "u="+string(b.AOR))
		}
		return rr
	}
	b.Info.Details().Each(func(key, val string) { rr.Txt = append(rr.Txt, key+"="+Escape(val)) })
	return rr
}

// Owner returns the owner name of a binding's record in the zone apex.
func Owner(b location.Binding, apex string) string {
	switch {
	case b.Kind == location.Wildcard:
		return "*." + ENUM(b.Digits()) + "e164." + apex
	case b.Kind.Dialled():
		return ENUM(b.Digits()) + "e164." + apex
	}
	return b.AOR.Fold() + "." + TreeOf(b.Kind) + "." + apex
}

// ENUM returns digits as labels, the last digit first, each with its dot (RFC
// 6116 §3.2): "1001" becomes "1.0.0.1.".
func ENUM(digits string) string {
	b := make([]byte, 0, 2*len(digits))
	for i := len(digits) - 1; i >= 0; i-- {
		b = append(b, digits[i], '.')
	}
	return string(b)
}

// ParseENUM is the reverse of ENUM for labels without the last dot.
func ParseENUM(rel string) (digits string, ok bool) {
	b := make([]byte, 0, 32)
	for i := len(rel) - 1; i >= 0; i -= 2 {
		c := rel[i]
		if c < '0' || c > '9' || i > 0 && rel[i-1] != '.' || len(b) == cap(b) {
			return "", false
		}
		b = append(b, c)
	}
	return string(b), rel == "" || rel[0] != '.'
}

// ParseTXT is the reverse of TXT. It returns the binding, or the node's own
// record if rr stands at the apex. Whatever a peer sends is checked here: a
// name with a character that must not be published is an error. Of a kind that
// only later versions know, the error is location.ErrKind. An error with a node
// says that a value of its record was left out.
func ParseTXT(rr *dns.TXT, apex string) (location.Binding, *Node, error) {
	owner := strings.ToLower(rr.Hdr.Name)
	if owner == apex {
		node, _, _ := strings.Cut(apex, ".")
		n, ok, err := ParseNode(node, rr.Txt)
		if !ok {
			return location.Binding{}, nil, err
		}
		return location.Binding{}, &n, err
	}
	b, err := parseBinding(owner, apex, rr.Txt)
	if err != nil {
		return location.Binding{}, nil, fmt.Errorf("parse binding %s: %w", owner, err)
	}
	return b, nil, nil
}

func parseBinding(owner, apex string, txt []string) (location.Binding, error) {
	if rel, ok := strings.CutSuffix(owner, ".users."+apex); ok {
		return parseUser(rel, txt)
	}
	rel, ok := strings.CutSuffix(owner, "."+apex)
	if !ok {
		return location.Binding{}, fmt.Errorf("it is not below %s", apex)
	}
	name, tree := CutLast(rel)
	p, err := parseRecord(txt)
	if err != nil {
		return p.b, err
	}
	if tree != TreeOf(p.b.Kind) {
		return p.b, fmt.Errorf("k=%s does not belong below %s", p.b.Kind, tree)
	}
	if p.b.Kind.Dialled() {
		if p.b.Kind == location.Wildcard {
			if name, ok = strings.CutPrefix(name+".", "*."); !ok {
				return p.b, fmt.Errorf("k=wildcard belongs at a name that begins with *")
			}
			name = strings.TrimSuffix(name, ".")
		}
		if name, ok = ParseENUM(name); !ok {
			return p.b, fmt.Errorf("want up to 32 digits, one a label, the last one first")
		}
	}
	return p.publish(name)
}

// parseUser reads a record below users: a registration, or a published user.
func parseUser(rel string, txt []string) (location.Binding, error) {
	p, err := parseRecord(txt)
	switch {
	case err != nil:
		return p.b, err
	case !p.b.Kind.Named():
		return p.b, fmt.Errorf("k=%s does not belong below users", p.b.Kind)
	case !p.b.Kind.Registered():
		return p.publish(rel)
	case p.b.Contact == 0:
		return p.b, fmt.Errorf("c= is missing")
	}
	if p.u != "" {
		if !strings.EqualFold(p.u, rel) {
			return p.b, fmt.Errorf("u=%s does not fold to %s", p.u, rel)
		}
		rel = p.u
	}
	p.b.AOR, err = location.ParseAOR(strings.Clone(rel)) // the rest of the message need not stay
	return p.b, err
}

// record is the text of a binding, its name aside.
type record struct {
	b location.Binding
	u string // of a registration
	d location.Details
}

func (p record) publish(name string) (location.Binding, error) {
	b, err := location.Publish(p.b.Kind, strings.Clone(name), p.d)
	b.Stamp = p.b.Stamp
	return b, err
}

// parseRecord reads the character-strings; keys that it does not know are
// ignored, so that versions mix.
func parseRecord(txt []string) (p record, err error) {
	if err := checkVersion(txt); err != nil {
		return p, err
	}
	for _, s := range txt[1:] {
		key, val, _ := strings.Cut(s, "=")
		switch key {
		case "k":
			p.b.Kind, err = location.ParseKind(val)
		case "c":
			p.b.Contact, err = location.ParseContactID(val)
		case "t":
			p.b.Stamp, err = location.ParseStamp(val)
		case "u":
			p.u = val
		}
		if err != nil {
			return p, err
		}
	}
	if p.b.Kind == 0 {
		return p, fmt.Errorf("k= is missing")
	}
	if p.b.Kind.Registered() {
		return p, nil
	}
	p.b.Contact = 0
	for _, s := range txt[1:] {
		key, val, _ := strings.Cut(s, "=")
		if _, err := p.d.Set(key, unescape(val)); err != nil {
			return p, err
		}
	}
	return p, nil
}

// NodeTXT returns the apex TXT of a home zone.
func NodeTXT(n Node, apex string, ttl uint32) *dns.TXT {
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl},
		Txt: n.Strings(),
	}
}
