#!/bin/bash
# Software: emiago/sipgo v1.7.3 (Go module).
#
# Expected: white space that SIP allows around ";", "=", ":" and "/" changes nothing; or the parser
#   returns an error for what it does not understand.
# Happens: it parses without an error and loses what matters. "Via: SIP/2.0/UDP 192.0.2.1:5060
#   ;branch=x" becomes a Via without host, port and branch; "SIP / 2.0 / UDP 192.0.2.1" has no
#   transport and the host "UDP 192.0.2.1". "<sip:u@h>; tag=x" has no parameter "tag" but one
#   named " tag", and "<sip:u@h> ;tag=x" is sent on as "; ;tag=x". "@h>;tag = x" has no tag
#   either.
# Why it matters: gateways and older PBXs send such headers. A service on sipgo answers to nowhere
#   (the branch and the address come from the Via), takes a request within a dialog for a new one
#   (no To tag), and its users look for the fault in the network. Compare what was parsed, not err.
# Source: RFC 3261 section 25.1, SEMI, EQUAL, SLASH, COLON (each SWS x SWS); RFC 4475 section 3.1.1.1;
#   sipgo sip/parse_via.go, sip/parse_params.go.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/emiago/sipgo/sip"
)

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/emiago/sipgo" {
			fmt.Println("version:  ", d.Path, d.Version)
		}
	}
	fmt.Println("guess:     allowed white space is ignored, or refused")
	fmt.Println("behaviour: no error, and host, branch or tag are gone")
	failed := false
	// Each line of want is what the parsed message has: sent-by, branch, To tag.
	for _, c := range []struct{ via, to, want string }{
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "<sip:1004@pbx.example>;tag=x", "UDP 192.0.2.1:5060 z9hG4bK1 x"},
		{"SIP/2.0/UDP  192.0.2.1:5060; branch=z9hG4bK1", "<sip:1004@pbx.example>;tag=x", "UDP 192.0.2.1:5060 z9hG4bK1 x"},
		{"SIP/2.0/UDP 192.0.2.1:5060 ;branch=z9hG4bK1", "<sip:1004@pbx.example>;tag=x", "UDP :0 - x"},
		{"SIP/2.0/UDP 192.0.2.1 : 5060;branch=z9hG4bK1", "<sip:1004@pbx.example>;tag=x", "UDP :0 - x"},
		{"SIP / 2.0 / UDP 192.0.2.1:5060;branch=z9hG4bK1", "<sip:1004@pbx.example>;tag=x", "- UDP 192.0.2.1:5060 z9hG4bK1 x"},
		{"SIP/2.0/UDP 192.0.2.1:5060;branch = z9hG4bK1", "<sip:1004@pbx.example>;tag=x", "UDP 192.0.2.1:5060 - x"},
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "<sip:1004@pbx.example>; tag=x", "UDP 192.0.2.1:5060 z9hG4bK1 -"},
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "<sip:1004@pbx.example>;tag = x", "UDP 192.0.2.1:5060 z9hG4bK1 -"},
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "<sip:1004@pbx.example> ;tag=x", "UDP 192.0.2.1:5060 z9hG4bK1 x"},
	} {
		text := strings.Join([]string{"OPTIONS sip:1004@pbx.example SIP/2.0", "Via: " + c.via,
			"From: <sip:1001@a.example>;tag=1", "To: " + c.to, "Call-ID: 1", "CSeq: 1 OPTIONS",
			"Max-Forwards: 70", "Content-Length: 0", "", ""}, "\r\n")
		m, err := sip.NewParser().ParseSIP([]byte(text))
		if err != nil {
			fmt.Printf("seen:      Via: %s, To: %s: %v\n", c.via, c.to, err)
			failed = true
			continue
		}
		r := m.(*sip.Request)
		or := func(s string, ok bool) string {
			if !ok || strings.TrimSpace(s) == "" {
				return "-"
			}
			return s
		}
		via := r.Via()
		got := fmt.Sprintf("%s %s:%d %s %s", or(via.Transport, true), via.Host, via.Port,
			or(via.Params.Get("branch")), or(r.To().Params.Get("tag")))
		fmt.Printf("seen:      Via: %-50s To: %-32s is %s\n", c.via, c.to, got)
		if got != c.want {
			fmt.Fprintln(os.Stderr, "NOT AS STATED: expected", c.want)
			failed = true
		}
		if strings.Contains(c.to, " ;") {
			fmt.Println("seen:      which is sent on as", r.To().Value())
			failed = failed || r.To().Value() == c.to || !strings.Contains(r.To().Value(), "; ;")
		}
	}
	if failed {
		os.Exit(1)
	}
}
EOF
cd "$dir"
export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
{
    go mod init finding
    go get github.com/emiago/sipgo@v1.7.3
    go build -o finding .
} >build.log 2>&1 || { cat build.log >&2; exit 1; }
./finding
