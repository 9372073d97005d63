package answer

import (
	"strings"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// KeysAt returns the keys that decide about a name (lower-case FQDN below the
// origin), those of what it may stand for aside.
func (v *Zone) KeysAt(qname string) []view.Key {
	rel := unescaped(strings.TrimSuffix(strings.TrimSuffix(qname, v.origin), "."))
	head, top := record.CutLast(rel)
	switch top {
	case "isn":
		head, _ = record.CutLast(head)
		fallthrough
	case "e164":
		n := parseNumber(nil, head)
		keys := view.NumberKeys(n.digits)
		if full, ok := v.dial.full(n.digits); ok {
			keys = append(keys, view.NumberKeys(full)...)
		}
		return keys
	case "users":
		return []view.Key{view.UserKey(head)}
	case record.TrunksTree, record.ProvidersTree, record.ServicesTree:
		return []view.Key{view.TreeKey(top, head)}
	}
	return nil
}

// Past returns a zone with the settings of z over a view in which the homes are
// as they were and have these claims alone. What is not among them is absent.
func (z *Zone) Past(homes map[string]view.HomeState, claims []view.Claimed, settled bool) *Zone {
	p := newZone(z.View.Past(homes, claims, settled), z.policy)
	p.onTrimmed, p.onOccluded = nil, nil
	p.serial.Store(z.serial.Load())
	return p
}

// SetOrder changes how a zone of the past ranks.
func (z *Zone) SetOrder(o Order) { z.order = o }
