package main

import (
	"fmt"

	"github.com/miekg/dns"
)

// rcodeError is an answer that is not NOERROR.
type rcodeError struct {
	rcode int
	text  string
}

func (e *rcodeError) Error() string { return e.text }

// rcodeMeans says in plain words what the rcode of an UPDATE means.
var rcodeMeans = map[int]string{
	dns.RcodeFormatError:    "the server cannot read the request",
	dns.RcodeServerFailure:  "nothing has changed: the node's disk is full or it has just started; see its log",
	dns.RcodeNotImplemented: "the server takes no updates: is it asterfed?",
	dns.RcodeRefused:        "not permitted",
	dns.RcodeNotAuth:        "the server is not the one for this zone: send it to the node that the zone is named after",
	dns.RcodeNotZone:        "the name is not in the zone",
	dns.RcodeNXRrset:        "there is no such record",
	dns.RcodeYXRrset:        "there is such a record already",
}

// tsigMeans is the same for what is wrong with the signature.
var tsigMeans = map[uint16]string{
	dns.RcodeBadKey:  "the server does not know the key %s: is there an update line for it?",
	dns.RcodeBadSig:  "the server has another secret for the key %s",
	dns.RcodeBadTime: "the signature of key %s is too old or too new: compare the clocks",
}

// explain says what an answer means: the server's own words, if it gave any.
func (u *updating) explain(r *dns.Msg) string {
	name := dns.RcodeToString[r.Rcode]
	if t := r.IsTsig(); t != nil && tsigMeans[t.Error] != "" {
		return fmt.Sprintf("%s (%s): "+tsigMeans[t.Error], name, dns.RcodeToString[int(t.Error)], u.key.Name)
	}
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok && e.ExtraText != "" {
				return name + ": " + e.ExtraText
			}
		}
	}
	if s := rcodeMeans[r.Rcode]; s != "" {
		return name + ": " + s
	}
	return "the server answered " + name
}
