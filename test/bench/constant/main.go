// Constant is a CoreDNS whose one plugin gives every question the same answer:
// what there is to gain in a plugin, whatever it does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/metrics"
	"github.com/miekg/dns"
)

// constant answers with two records as long as those of a number.
type constant struct{ answer []dns.RR }

func (c constant) Name() string { return "constant" }

// ServeDNS answers with shared records under their own name.
func (c constant) ServeDNS(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative, m.Compress, m.Answer = true, true, c.answer
	return dns.RcodeSuccess, w.WriteMsg(m)
}

func setup(c *caddy.Controller) error {
	var k constant
	for _, service := range []string{"sip", "pjsip"} {
		rr, err := dns.NewRR(fmt.Sprintf(`0.0.0.0.0.0.0.1.3.2.7.9.e164.fed.example. 5 NAPTR 100 10 "u" "E2U+%s" "!^.*$!sip:972310000000@pbx-0.nodes.fed.example!" .`, service))
		if err != nil {
			return err
		}
		k.answer = append(k.answer, rr)
	}
	dnsserver.GetConfig(c).AddPlugin(func(plugin.Handler) plugin.Handler { return k })
	return nil
}

func main() {
	conf := flag.String("corefile", "", "configuration") // CoreDNS itself has taken -conf
	flag.Parse()
	if err := run(*conf); err != nil {
		fmt.Fprintln(os.Stderr, "constant:", err)
		os.Exit(1)
	}
}

func run(conf string) error {
	text, err := os.ReadFile(conf)
	if err != nil {
		return fmt.Errorf("read Corefile: %w", err)
	}
	plugin.Register("constant", setup)
	if err := dnsserver.SetDirectives([]string{"bind", "prometheus", "errors", "constant"}); err != nil {
		return err
	}
	dnsserver.Quiet, caddy.Quiet = true, true
	if _, err := caddy.Start(caddy.CaddyfileInput{Filepath: conf, Contents: text, ServerTypeName: "dns"}); err != nil {
		return err
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
	return nil
}
