package lab

import (
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Provider is a SIP provider in the phones' namespace, played by SIPp: it takes
// registrations, says that it is alive, and answers every call. It speaks UDP.
type Provider struct {
	Address string // "10.88.0.100:5099"

	lab   *Lab
	port  string
	agent *Phone
}

// Provider starts a provider at a port of PhoneAddress. The caller must Stop it.
func (l *Lab) Provider(port string) (*Provider, error) {
	_, rtp := l.ports()
	agent, err := l.PhoneAt("provider", "provider", port, rtp, "-deadcall_wait", "0")
	if err != nil {
		return nil, err
	}
	return &Provider{Address: net.JoinHostPort(PhoneAddress, port), lab: l, port: port, agent: agent}, nil
}

// Stop ends the provider: from then on nobody answers there.
func (p *Provider) Stop() { p.agent.Stop() }

// Calls returns whom the calls so far were for: the user parts of their
// Request-URIs, one for each call.
func (p *Provider) Calls() (calls []string) {
	var seen []string
	for _, request := range p.received("INVITE") {
		id := header(request, "Call-ID")
		if slices.Contains(seen, id) {
			continue
		}
		seen = append(seen, id)
		_, uri, _ := strings.Cut(request, "INVITE sip:")
		user, _, _ := strings.Cut(uri, "@")
		calls = append(calls, user)
	}
	return calls
}

// received returns the requests of a method, oldest first.
func (p *Provider) received(method string) (out []string) {
	for message := range strings.SplitSeq(read(p.agent.dir+"/messages"), "-----------------------------------------------") {
		if strings.Contains(message, "received") && strings.Contains(message, "\n"+method+" ") {
			out = append(out, message)
		}
	}
	return out
}

func header(message, name string) string {
	for line := range strings.Lines(message) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// customer is the address of a registration, and by which of its lines Asterisk
// knows whose call it is ("line = yes").
var customer = regexp.MustCompile(`@([0-9.]+:[0-9]+);.*line=([A-Za-z0-9]+)`)

// Customer returns the address that was registered last, and its line, empty for
// none.
func (p *Provider) Customer() (address, line string) {
	for _, request := range slices.Backward(p.received("REGISTER")) {
		if m := customer.FindStringSubmatch(header(request, "Contact")); m != nil {
			return m[1], m[2]
		}
	}
	return "", ""
}

// CallIn makes a short call to a number of the customer, from the telephone
// network.
func (p *Provider) CallIn(caller, number string) (Call, error) {
	address, line := p.Customer()
	sip, rtp := p.lab.ports()
	cmd, dir, err := p.lab.sipp("inbound", address, "-p", sip, "-mp", rtp, "-m", "1", "-timeout", "45s", "-timeout_error",
		"-s", number, "-key", "user", caller, "-key", "line", line)
	if err != nil {
		return Call{}, err
	}
	if err := cmd.Start(); err != nil {
		return Call{}, err
	}
	c := &Calling{cmd: cmd, dir: dir, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(c.done) }()
	defer time.AfterFunc(50*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	return c.Wait(), nil
}
