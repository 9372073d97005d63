package config

import (
	"bytes"
	"fmt"
	"net"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin/pkg/parse"
)

// Read returns the first federation block of a Corefile, for commands that
// need to know where the local node answers and with which key.
func Read(path string, corefile []byte) (*Config, error) {
	blocks, err := caddyfile.Parse(path, bytes.NewReader(corefile), nil)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		tokens, ok := b.Tokens["federation"]
		if !ok {
			continue
		}
		port, bind := "53", ""
		for _, key := range b.Keys {
			if _, p, err := net.SplitHostPort(key); err == nil {
				port = p
			}
		}
		if t := b.Tokens["bind"]; len(t) > 1 {
			bind = t[1].Text
		}
		c := &caddy.Controller{Dispenser: caddyfile.NewDispenserTokens(path, tokens)}
		for _, key := range b.Keys {
			_, zone := parse.Transport(key)
			if h, _, err := net.SplitHostPort(zone); err == nil {
				zone = h
			}
			c.ServerBlockKeys = append(c.ServerBlockKeys, zone)
		}
		cfg, err := Parse(c, port)
		if err != nil {
			return nil, err
		}
		if bind == "" {
			bind = "127.0.0.1"
		}
		cfg.Server = net.JoinHostPort(bind, port)
		return cfg, nil
	}
	return nil, fmt.Errorf("%s: no federation block", path)
}
