package liveness

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/liveness/sip"
	"github.com/asterfed/asterfed/zone/record"
)

// How long a SIP server may take to answer OPTIONS: that of another node with
// profile wan gets longer.
const (
	Patience    = 600 * time.Millisecond
	PatienceWAN = 1500 * time.Millisecond
)

var errNoSIP = errors.New("node names no SIP transport to ask")

// Ask asks a SIP server at all its addresses at once, and returns nil as soon as
// one of them answers: a caller whose first address fails tries the next one.
func Ask(ctx context.Context, addrs []netip.Addr, transports []record.Transport) error {
	return ask(ctx, addrs, func(ctx context.Context, a netip.Addr) error { return askAt(ctx, a, transports) })
}

// ask asks at all addresses at once, and returns nil as soon as one answers.
func ask(ctx context.Context, addrs []netip.Addr, at func(context.Context, netip.Addr) error) error {
	if len(addrs) == 0 {
		return errNoSIP
	}
	ctx, cancel := context.WithCancel(ctx) // the first answer ends the other questions
	defer cancel()
	answers := make(chan error, len(addrs))
	for _, a := range addrs {
		go func() { answers <- at(ctx, a) }()
	}
	var errs []error
	for range addrs {
		err := <-answers
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// askAt asks at one address over the first transport that is not TLS. A server
// that takes TLS alone is asked for a connection only: OPTIONS would need a
// certificate that it trusts.
func askAt(ctx context.Context, a netip.Addr, transports []record.Transport) error {
	err := errNoSIP
	for _, t := range transports {
		addr := net.JoinHostPort(a.String(), strconv.Itoa(int(t.Port)))
		if t.Proto != "tls" {
			return sip.Options(ctx, t.Proto, addr)
		}
		err = sip.Connect(ctx, addr)
	}
	return err
}
