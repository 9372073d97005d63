package ami

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

func (q *inquiry) status() (LiveStatus, error) {
	h, err := q.one(actStatus, "CoreStartupDate", "CoreStartupTime", "CoreCurrentCalls", "CoreProcessedCalls")
	if err != nil {
		return LiveStatus{}, err
	}
	return LiveStatus{Version: q.version, Calls: number(h["CoreCurrentCalls"]), Processed: number(h["CoreProcessedCalls"]),
		Since: h["CoreStartupDate"] + "T" + h["CoreStartupTime"]}, nil
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (q *inquiry) channels() (out []Channel, err error) {
	err = q.do(actChannels, []string{"Channel", "ChannelStateDesc", "CallerIDNum", "ConnectedLineNum", "Context", "Exten", "Duration"},
		func(h headers) error {
			if h["Event"] != "CoreShowChannel" {
				return nil
			}
			out = append(out, Channel{Name: h["Channel"], State: h["ChannelStateDesc"], Number: h["CallerIDNum"],
				Connected: h["ConnectedLineNum"], Extension: h["Exten"] + "@" + h["Context"], Seconds: seconds(h["Duration"])})
			return nil
		})
	return out, err
}

// seconds reads "01:02:03".
func seconds(s string) (n int) {
	for part := range strings.SplitSeq(s, ":") {
		n = 60*n + number(part)
	}
	return n
}

// contacts lists those of PJSIP, chan_sip and IAX2; a technology that Asterisk
// has not loaded has none.
func (q *inquiry) contacts() (out []location.Contact, err error) {
	endpoints := map[location.AOR]string{}
	err = q.do(actContacts, []string{"ObjectName", "Uri", "ExpirationTime", "UserAgent", "RegServer", "Endpoint"}, func(h headers) error {
		name, ok := registeredAOR([]byte(h["ObjectName"]))
		if !ok || h["Uri"] == "" || h["RegServer"] != "" && q.realtime && h["RegServer"] != q.systemName && !q.former(h["RegServer"]) {
			return nil
		}
		if a, err := location.ParseAOR(string(name)); err == nil {
			c := location.Contact{AOR: a, Kind: location.PJSIP, URI: h["Uri"], UserAgent: h["UserAgent"]}
			if x := number(h["ExpirationTime"]); x > 0 {
				c.Expires = time.Unix(int64(x), 0)
			}
			out = append(out, c)
			endpoints[a] = h["Endpoint"]
		}
		return nil
	})
	if !none(err) {
		return nil, err
	}
	gone, err := q.deleted(endpoints)
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(c location.Contact) bool { return gone[c.AOR] })
	for _, t := range []struct {
		action
		kind location.Kind
	}{{actSIPPeers, location.SIP}, {actIAXPeerlist, location.IAX2}} {
		err := q.do(t.action, []string{"ObjectName", "IPaddress", "IPport", "Dynamic"}, func(h headers) error {
			addr := strings.Trim(h["IPaddress"], "[]")
			a, err := location.ParseAOR(h["ObjectName"])
			if err != nil || !strings.EqualFold(h["Dynamic"], "yes") || net.ParseIP(addr) == nil {
				return nil
			}
			if t.kind == location.SIP {
				addr = net.JoinHostPort(addr, h["IPport"])
			}
			out = append(out, peer(a, t.kind, addr))
			return nil
		})
		if !none(err) {
			return nil, err
		}
	}
	return out, nil
}

// none reports whether an answer is one, if only that there is nothing: an
// empty list of contacts is an error in Asterisk, and so is a module that is
// not loaded.
func none(err error) bool {
	var refused *Refused
	return err == nil || errors.As(err, &refused) &&
		(strings.HasPrefix(refused.Message, "No ") || strings.HasPrefix(refused.Message, "Invalid/unknown command"))
}

// deleted finds the AORs that are not configured any more, given the endpoints
// of those that have a contact; see configured.go. If Asterisk does not list its
// AORs, there are none.
func (q *inquiry) deleted(endpoints map[location.AOR]string) (map[location.AOR]bool, error) {
	missing := maps.Clone(endpoints)
	err := q.each(actAORs, func(m *message) { delete(missing, location.AOR(m.get(keyObjectName))) })
	var refused *Refused
	switch {
	case errors.As(err, &refused) && !strings.HasPrefix(refused.Message, "No AORs found"):
		return nil, nil
	case err != nil && refused == nil:
		return nil, err
	}
	gone, kept, asked := map[location.AOR]bool{}, 0, 0
	for a, endpoint := range missing {
		if asked >= sureAfter && kept == 0 {
			gone[a] = true
			continue
		}
		if asked >= maxSuspects {
			break
		}
		asked++
		has, err := q.endpointHas(cmp.Or(endpoint, string(a)), a)
		if err != nil {
			return nil, err
		}
		if gone[a] = !has; has {
			kept++
		}
	}
	return gone, nil
}

// endpointHas reports whether an endpoint is configured with the AOR.
func (q *inquiry) endpointHas(endpoint string, a location.AOR) (has bool, err error) {
	err = q.each(actEndpoint, func(m *message) {
		has = has || m.is(keyEvent, "AorDetail") && m.is(keyObjectName, string(a))
	}, endpoint)
	var refused *Refused
	if errors.As(err, &refused) {
		return !strings.HasPrefix(refused.Message, "Unable to retrieve endpoint"), nil
	}
	return has, err
}
