#!/bin/bash
# Software: nyaruka/phonenumbers v1.8.1 (Go module; a port of libphonenumber).
#
# Expected: what is no telephone number of a country (a star code, an emergency number, a local
#   extension) makes Parse return an error, or at least IsPossibleNumber false.
# Happens: Parse takes them, and E.164 makes them numbers of the country: *97 becomes +97297 in
#   Israel, as 97 does, since the star is dropped without a word; 110 becomes +49110 in Germany and
#   1004 +491004, and IsPossibleNumber says true for both. Only IsValidNumber says no, which it says
#   for +15551234567 and other numbers in use as well.
# Why it matters: whoever makes ENUM names of dialled digits with it looks up the police (110) and the
#   own voice mail (*97) in the public tree, and a number that comes back is called. Decide on short
#   codes before Parse.
# Source: libphonenumber FAQ ("What is valid and possible"); nyaruka/phonenumbers phonenumbers.go,
#   parseHelper() and normalize().
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	p "github.com/nyaruka/phonenumbers"
)

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/nyaruka/phonenumbers" {
			fmt.Println("version:  ", d.Path, d.Version)
		}
	}
	fmt.Println("guess:     an error for *97, not possible for 110 and 1004")
	fmt.Println("behaviour: no error, a number of the country, possible in part")
	failed := false
	for _, c := range []struct{ dialled, region, want string }{
		{"*97", "IL", "+97297 possible false valid false"},
		{"97", "IL", "+97297 possible false valid false"},
		{"110", "DE", "+49110 possible true valid false"},
		{"*110", "DE", "+49110 possible true valid false"},
		{"112", "DE", "+49112 possible true valid false"},
		{"1004", "DE", "+491004 possible true valid false"},
		{"+15551234567", "US", "+15551234567 possible true valid false"},
	} {
		got := ""
		n, err := p.Parse(c.dialled, c.region)
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(p.Format(n, p.E164), " possible ", p.IsPossibleNumber(n), " valid ", p.IsValidNumber(n))
		}
		fmt.Printf("seen:      %-14s in %s: %s\n", c.dialled, c.region, got)
		if got != c.want {
			fmt.Fprintln(os.Stderr, "NOT AS STATED: expected", c.want)
			failed = true
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
    go get github.com/nyaruka/phonenumbers@v1.8.1
    go build -o finding .
} >build.log 2>&1 || { cat build.log >&2; exit 1; }
./finding
