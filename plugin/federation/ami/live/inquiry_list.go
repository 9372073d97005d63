package live

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/zone/location"
)

func (q *inquiry) status() (Status, error) {
	h, err := q.one(ami.ActStatus, "CoreStartupDate", "CoreStartupTime", "CoreCurrentCalls", "CoreProcessedCalls")
	if err != nil {
		return Status{}, err
	}
	return Status{Version: q.version, Calls: number(h["CoreCurrentCalls"]), Processed: number(h["CoreProcessedCalls"]),
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
	err = q.do(ami.ActChannels, []string{"Channel", "ChannelStateDesc", "CallerIDNum", "ConnectedLineNum", "Context", "Exten", "Duration"},
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
	err = q.do(ami.ActContacts, []string{"ObjectName", "Uri", "ExpirationTime", "RegServer", "Endpoint"}, func(h headers) error {
		name, ok := registrations.AOR([]byte(h["ObjectName"]))
		if !ok || h["Uri"] == "" || h["RegServer"] != "" && q.realtime && h["RegServer"] != q.systemName && !q.former(h["RegServer"]) {
			return nil
		}
		if a, err := location.ParseAOR(string(name)); err == nil {
			c := location.Contact{AOR: a, Kind: location.PJSIP, URI: h["Uri"]}
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
		ami.Action
		kind location.Kind
	}{{ami.ActSIPPeers, location.SIP}, {ami.ActIAXPeerlist, location.IAX2}} {
		err := q.do(t.Action, []string{"ObjectName", "IPaddress", "IPport", "Dynamic"}, func(h headers) error {
			addr := strings.Trim(h["IPaddress"], "[]")
			a, err := location.ParseAOR(h["ObjectName"])
			if err != nil || !strings.EqualFold(h["Dynamic"], "yes") || net.ParseIP(addr) == nil {
				return nil
			}
			if t.kind == location.SIP {
				addr = net.JoinHostPort(addr, h["IPport"])
			}
			out = append(out, registrations.Peer(a, t.kind, addr))
			return nil
		})
		if !none(err) {
			return nil, err
		}
	}
	return out, nil
}

// none reports whether an answer is one, if only that there is nothing, or no such
// module.
func none(err error) bool { return err == nil || ami.Empty(err) || ami.Unknown(err) }

// deleted finds the AORs that are not configured any more, given the endpoints
// of those that have a contact; see package registrations. If Asterisk does not list its
// AORs, there are none.
func (q *inquiry) deleted(endpoints map[location.AOR]string) (map[location.AOR]bool, error) {
	missing := maps.Clone(endpoints)
	err := q.each(ami.ActAORs, func(m *ami.Message) { delete(missing, location.AOR(m.Get(ami.KeyObjectName))) })
	if refused := (*ami.Refused)(nil); errors.As(err, &refused) && !ami.Empty(err) {
		return nil, nil
	} else if err != nil && refused == nil {
		return nil, err
	}
	gone, kept, asked := map[location.AOR]bool{}, 0, 0
	for a, endpoint := range missing {
		if asked >= registrations.SureAfter && kept == 0 {
			gone[a] = true
			continue
		}
		if asked >= registrations.MaxSuspects {
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
	err = q.each(ami.ActEndpoint, func(m *ami.Message) {
		has = has || m.Is(ami.KeyEvent, "AorDetail") && m.Is(ami.KeyObjectName, string(a))
	}, endpoint)
	if refused := (*ami.Refused)(nil); errors.As(err, &refused) {
		return !ami.Missing(err), nil
	}
	return has, err
}
