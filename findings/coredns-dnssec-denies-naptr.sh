#!/bin/bash
# Software: CoreDNS v1.15.0 (plugins dnssec and file, Go module), unbound 1.26.2 of Debian 13.
#
# Expected: a zone with NAPTR records, signed by CoreDNS as it answers, is as good behind a validating
#   resolver as one that was signed beforehand: the number is found, whatever was asked before.
# Happens: CoreDNS makes up the NSEC record of a negative answer. For a name that exists its list of
#   types is a fixed one less the type that was asked: TXT, SRV, AAAA and others are in it, although
#   they do not exist, and NAPTR is not, although it does. So the answer to one query for A at a
#   number is a signed proof that the number has no NAPTR. unbound, with its defaults, keeps that
#   proof (RFC 8198) and answers the next query for NAPTR with "no such data", authenticated,
#   without asking CoreDNS, until the proof has timed out. Asked in the other order it all works.
# Why it matters: one curious query (dig without a type is enough) by anybody behind that resolver
#   makes a number unreachable for a minute or an hour, for all of them. Sign ENUM zones beforehand.
# Source: CoreDNS plugin/dnssec/black_lies.go, zoneBitmap;
#   RFC 8198; unbound.conf(5), aggressive-nsec (yes by default).
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,unbound=1.26.2-0+deb13u1,bind9-utils,bind9-dnsutils \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    mkdir "$dir/server"
    cat >"$dir/server/main.go" <<'EOF'
// CoreDNS with the plugins that a Corefile (the argument) needs here.
package main

import (
	"log"
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/dnssec"
	_ "github.com/coredns/coredns/plugin/file"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	caddy.Quiet, dnsserver.Quiet = true, true
	server, err := caddy.Start(caddy.CaddyfileInput{Contents: text, Filepath: os.Args[1], ServerTypeName: "dns"})
	if err != nil {
		log.Fatal(err)
	}
	server.Wait()
}
EOF
    # Go's usual caches: CoreDNS has many modules, and compiling them takes a minute or two.
    (
        cd "$dir/server"
        go mod init server
        go get github.com/coredns/coredns@v1.15.0
        go build -o server .
    ) >"$dir/build.log" 2>&1 || { cat "$dir/build.log" >&2; exit 1; }
    # Own network and processes: nothing leaves the machine, and nothing is left running.
    unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir"
    exit
fi

dir=$2 root=$2/root
ip link set lo up
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }

for n in 1 2 3; do ip address add 10.99.1.$n/32 dev lo; done
version=$(run unbound -V | head -1)
echo "version:   CoreDNS $(grep -o 'coredns/coredns v[0-9.]*' "$dir/server/go.mod" | cut -d' ' -f2), unbound ${version#* }"
grep -q 'coredns/coredns v1.15.0' "$dir/server/go.mod" || wrong "another version of CoreDNS"
[ "$version" = 'Version 1.26.2' ] || wrong "another version of unbound"
echo "guess:     a signed number is found, whatever was asked before"
echo "behaviour: after a query for A the resolver holds a signed proof that there is no NAPTR"

run dnssec-keygen -q -K /tmp -a ECDSAP256SHA256 -f KSK fed.example >/dev/null
key=$(cd "$root/tmp" && echo Kfed.example.*.key)
cat >"$root/tmp/fed.zone" <<'EOF'
$ORIGIN fed.example.
@            3600 SOA ns hostmaster 1 3600 600 86400 60
@            3600 NS  ns
ns           3600 A   10.99.1.1
4.0.0.1.e164 60   NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:1004@pbx-a.example!" .
EOF
cat >"$dir/Corefile" <<EOF
fed.example {
    bind 10.99.1.1
    dnssec {
        key file $root/tmp/${key%.key}
    }
    file $root/tmp/fed.zone
}
EOF
"$dir/server/server" "$dir/Corefile" >"$dir/coredns.log" 2>&1 &
# Two resolvers, so that neither has heard what the other was asked.
for n in 2 3; do
    cat >"$root/tmp/unbound$n.conf" <<EOF
server:
  interface: 10.99.1.$n
  access-control: 10.99.1.0/24 allow
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "/tmp"
  pidfile: ""
  use-syslog: no
  trust-anchor-file: /tmp/$key
remote-control:
  control-enable: no
forward-zone:
  name: fed.example
  forward-addr: 10.99.1.1
EOF
    run unbound -d -c /tmp/unbound$n.conf >"$dir/unbound$n.log" 2>&1 &
done
dig() { run dig +tries=1 +timeout=5 "$@" 2>&1 || true; }
name=4.0.0.1.e164.fed.example
for n in 1 2 3; do
    for _ in $(seq 100); do dig @10.99.1.$n fed.example SOA +short | grep -q hostmaster && break; sleep 0.1; done
done

types=$(dig @10.99.1.1 $name A +dnssec +noall +authority | awk '$4 == "NSEC" { $1 = $2 = $3 = $4 = $5 = ""; print }' | xargs)
echo "seen:      CoreDNS, the types of the NSEC for A: $types"
[[ " $types " == *' SRV '* && " $types " == *' TXT '* && " $types " != *' NAPTR '* ]] || wrong "the types are others"
# answer ADDRESS TYPE: status, flags and number of answers.
answer() { dig "@$1" $name "$2" +adflag | sed -n 's/.*status: \([A-Z]*\).*/\1/p; s/.*flags: \([a-z ]*\);.*ANSWER: \([0-9]*\).*/flags \1, answers \2/p' | xargs; }
got=$(answer 10.99.1.2 NAPTR)
echo "seen:      unbound, NAPTR: $got"
[ "$got" = 'NOERROR flags qr rd ra ad, answers 1' ] || wrong "the number is not found at first"
got=$(answer 10.99.1.3 A)
echo "seen:      another unbound, A: $got"
got=$(answer 10.99.1.3 NAPTR)
echo "seen:      the same, then NAPTR: $got"
[ "$got" = 'NOERROR flags qr rd ra ad, answers 0' ] || wrong "the number is found after a query for A"
