#!/bin/bash
# Software: miekg/dns v1.1.73 (Go module; the library of CoreDNS and many others).
#
# Expected: NAPTR.Regexp holds the regexp. What is put there goes on the wire, and what came from the
#   wire can be given to a regular expression library, as with the strings of any other struct.
# Happens: the field holds the text of a zone file, in both directions. A record that is built
#   with `!^(.*)$!sip:\1@pbx.example!`, as RFC 3402 writes it, leaves as
#   `!^(.*)$!sip:1@pbx.example!`: every call goes to the user "1". `^\+972` leaves as `^+972`,
#   which is no regexp any more, `\d+` as `d+`. Pack returns no error, and String() of the record
#   that was built shows the backslash. A record that was received has two backslashes where
#   there is one, so a client that substitutes what it reads calls `sip:\+972...`.
# Why it matters: whoever generates ENUM records in Go or reads them there meets it at the first rule
#   with a back-reference, and each of the two mistakes hides the other when both ends are his own.
# Source: RFC 3402 section 3.2; miekg/dns msg_helpers.go, packString() and unpackString(), which
#   unescape and escape.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/miekg/dns"
)

func naptr(re string) *dns.NAPTR {
	h := dns.RR_Header{Name: "1.0.0.1.e164.fed.example.", Rrtype: dns.TypeNAPTR, Class: dns.ClassINET, Ttl: 60}
	return &dns.NAPTR{Hdr: h, Order: 10, Preference: 10, Flags: "u", Service: "E2U+sip", Regexp: re, Replacement: "."}
}

// onWire is the regexp in the octets of a packed record.
func onWire(rr dns.RR) string {
	m := new(dns.Msg)
	m.Answer = []dns.RR{rr}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	_, rest, _ := bytes.Cut(b, []byte("E2U+sip"))
	return string(rest[1 : 1+rest[0]])
}

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/miekg/dns" {
			fmt.Println("version:  ", d.Path, d.Version)
		}
	}
	fmt.Println("guess:     the field holds the regexp")
	fmt.Println("behaviour: it holds its zone-file text; one backslash is lost on the way out, one is added on the way in")
	failed := false
	check := func(what, got, want string) {
		fmt.Printf("seen:      %-62s %s\n", what, got)
		if got != want {
			fmt.Fprintf(os.Stderr, "NOT AS STATED: expected %q\n", want)
			failed = true
		}
	}
	for _, c := range [][2]string{
		{`!^(.*)$!sip:\1@pbx.example!`, `!^(.*)$!sip:1@pbx.example!`},
		{`!^\+972(.*)$!sip:0@pbx.example!`, `!^+972(.*)$!sip:0@pbx.example!`},
		{`!^\d+$!sip:0@pbx.example!`, `!^d+$!sip:0@pbx.example!`},
		{`!^(.*)$!sip:\\1@pbx.example!`, `!^(.*)$!sip:\1@pbx.example!`},
	} {
		check("built with "+c[0]+", on the wire:", onWire(naptr(c[0])), c[1])
	}
	shown := naptr(`!^(.*)$!sip:\1@pbx.example!`).String()
	check("String() of the first:", shown[strings.Index(shown, `"!`):], `"!^(.*)$!sip:\1@pbx.example!" .`)

	// A record as any name server sends it.
	m := new(dns.Msg)
	m.Answer = []dns.RR{naptr(`!^(.*)$!sip:\\1@pbx.example!`)}
	b, _ := m.Pack()
	if err := m.Unpack(b); err != nil {
		panic(err)
	}
	field := m.Answer[0].(*dns.NAPTR).Regexp
	check(`received with \1, the field:`, field, `!^(.*)$!sip:\\1@pbx.example!`)
	part := strings.Split(field, "!")
	replacement := strings.ReplaceAll(part[2], `\1`, "${1}")
	check("substituted in +97231231001:", regexp.MustCompile(part[1]).ReplaceAllString("+97231231001", replacement),
		`sip:\+97231231001@pbx.example`)
	if failed {
		os.Exit(1)
	}
}
EOF
cd "$dir"
export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
{
    go mod init finding
    go get github.com/miekg/dns@v1.1.73
    go build -o finding .
} >build.log 2>&1 || { cat build.log >&2; exit 1; }
./finding
