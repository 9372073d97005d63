#!/bin/bash
# Software: miekg/dns v1.1.73 (Go module; the library of CoreDNS and many others).
#
# Expected: Msg.Truncate(65535), which a server calls before it answers over TCP, changes nothing about
#   a message that fits. With Compress set it leaves as small as before the call.
# Happens: Truncate clears Compress when the message fits without compression, which over TCP it always
#   does. The answer has then the owner's name with each record: 40 NAPTR records of a number grow
#   from 2,526 to 4,046 octets. Setting Compress again after Truncate makes it small again.
#   CoreDNS calls it for each answer (request.Scrub), so its answers over TCP are never compressed.
# Why it matters: Asterisk reads 4,096 octets of a NAPTR answer and finds nothing in a longer one. Behind
#   such a server the number of homes that it can see is two thirds of what it sees from others.
# Source: miekg/dns msg_truncate.go, Truncate(); CoreDNS request/request.go, Scrub().
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/miekg/dns"
)

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/miekg/dns" {
			fmt.Println("version:  ", d.Path, d.Version)
		}
	}
	fmt.Println("guess:     truncating a message that fits changes nothing")
	fmt.Println("behaviour: it is no longer compressed")
	name := "1.0.0.1.3.2.1.3.2.7.9.e164.fed.example."
	m := new(dns.Msg).SetQuestion(name, dns.TypeNAPTR)
	for n := range 40 {
		rr, err := dns.NewRR(fmt.Sprintf(`%s 60 NAPTR 10 %d "u" "E2U+sip" "!^.*$!sip:1001@pbx-%d.fed.example!" .`, name, n, n))
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	failed := false
	step := func(what string, compressed bool) {
		b, err := m.Pack()
		if err != nil {
			panic(err)
		}
		fmt.Printf("seen:      %-32s Compress %-5v %d octets, %d records, TC %v\n", what, m.Compress, len(b), len(m.Answer), m.Truncated)
		if m.Compress != compressed || m.Truncated || len(m.Answer) != 40 || (len(b) < 3000) != compressed {
			fmt.Fprintln(os.Stderr, "NOT AS STATED: expected Compress", compressed)
			failed = true
		}
	}
	m.Compress = true
	step("Compress = true", true)
	m.Truncate(dns.MaxMsgSize)
	step("Truncate(65535)", false)
	m.Compress = true
	step("Compress = true", true)
	m.Truncate(4000)
	step("Truncate(4000), too little without", true)
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
