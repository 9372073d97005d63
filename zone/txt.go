package zone

import (
	"fmt"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// The wire form of a binding is one TXT record (RFC 1464 key=value strings)
// in its home zone; docs/records.md has the grammar.
const txtVersion = "v=1"

func checkVersion(txt []string) error {
	if len(txt) == 0 || txt[0] != txtVersion {
		return fmt.Errorf("TXT begins with %q: want %q", strings.Join(txt, " "), txtVersion)
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
	fold := b.AOR.Fold()
	txt := make([]string, 0, 5)
	txt = append(txt, txtVersion, "k="+b.Tech.String(), "c="+b.Contact.String())
	if b.Stamp != 0 {
		txt = append(txt, "t="+b.Stamp.String())
	}
	if fold != string(b.AOR) {
		txt = append(txt, "u="+string(b.AOR))
	}
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: fold + ".users." + apex, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl},
		Txt: txt,
	}
}

// ParseTXT is the reverse of TXT. It returns the binding, or the node's own
// record if rr stands at the apex. Whatever a peer sends is checked here: an
// AOR with a character that must not be published is an error.
func ParseTXT(rr *dns.TXT, apex string) (location.Binding, *Node, error) {
	var b location.Binding
	owner := strings.ToLower(rr.Hdr.Name)
	if owner == apex {
		node, _, _ := strings.Cut(apex, ".")
		n, err := parseNode(node, rr.Txt)
		return b, &n, err
	}
	rel, ok := strings.CutSuffix(owner, ".users."+apex)
	if !ok {
		return b, nil, fmt.Errorf("parse binding: owner %s is not below users.%s", owner, apex)
	}
	if err := checkVersion(rr.Txt); err != nil {
		return b, nil, fmt.Errorf("parse binding %s: %w", owner, err)
	}
	name := rel
	for _, s := range rr.Txt {
		key, val, _ := strings.Cut(s, "=")
		var err error
		switch key {
		case "k":
			b.Tech, err = location.ParseTech(val)
		case "c":
			b.Contact, err = location.ParseContactID(val)
		case "t":
			b.Stamp, err = location.ParseStamp(val)
		case "u":
			if !strings.EqualFold(val, rel) {
				err = fmt.Errorf("u=%s does not fold to %s", val, rel)
			}
			name = val
		}
		if err != nil {
			return b, nil, fmt.Errorf("parse binding %s: %w", owner, err)
		}
	}
	if b.Tech == 0 || b.Contact == 0 {
		return b, nil, fmt.Errorf("parse binding %s: k= or c= is missing", owner)
	}
	aor, err := location.ParseAOR(strings.Clone(name)) // the rest of the message need not stay
	if err != nil {
		return b, nil, fmt.Errorf("parse binding: %w", err)
	}
	b.AOR = aor
	return b, nil, nil
}

// NodeTXT returns the apex TXT of a home zone.
func NodeTXT(n Node, apex string, ttl uint32) *dns.TXT {
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl},
		Txt: n.strings(),
	}
}
