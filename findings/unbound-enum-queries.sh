#!/bin/bash
# Software: unbound 1.26.2, PowerDNS Recursor 5.2.13 and BIND 9.20.30 as resolvers, all of Debian 13; a
#   name server with miekg/dns v1.1.73 that counts what it is asked.
#
# Expected: a resolver that knows the server of a zone (stub-zone) asks it once for a number; with QNAME
#   minimisation perhaps once for each digit the first time, and once for the next number of the same
#   office, since it has just learnt that all names above it exist.
# Happens: unbound with a stub-zone asks ten times, one query after the other, for each number that it
#   does not have, also for 972-3-1231002 right after 972-3-1231001: it asks for all the names above
#   it again. With a forward-zone in place of the stub-zone, whose queries are not minimised, it asks
#   once. PowerDNS asks ten times for the first number and once for the next, BIND five times and
#   twice.
# Why it matters: ENUM names have a label for each digit. A stub-zone, the usual advice for an own zone,
#   makes each first call to a number ten round trips slower, which is a second between continents.
# Source: RFC 9156 section 2.3 (at most ten steps); unbound.conf(5), qname-minimisation, stub-zone and
#   forward-zone.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,unbound=1.26.2-0+deb13u1,pdns-recursor=5.2.13-0+deb13u1 \
        --include=bind9=1:9.20.30-1~deb13u1 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    mkdir "$dir/server"
    cat >"$dir/server/main.go" <<'EOF'
// A name server at 10.99.1.1 with three numbers; then, for each resolver of the arguments
// (NAME=ADDRESS), four lookups, and how many queries each of them was here.
package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const zone = "fed.example."

var (
	numbers = []string{
		"1.0.0.1.3.2.1.3.2.7.9.e164." + zone,
		"2.0.0.1.3.2.1.3.2.7.9.e164." + zone,
		"1.0.0.1.3.2.1.3.2.9.4.e164." + zone,
	}
	asked atomic.Int32
)

func rr(s string) dns.RR {
	r, err := dns.NewRR(s)
	if err != nil {
		panic(err)
	}
	return r
}

func serve(w dns.ResponseWriter, r *dns.Msg) {
	asked.Add(1)
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	name, qtype := strings.ToLower(r.Question[0].Name), r.Question[0].Qtype
	exists := name == zone || name == "ns."+zone
	for _, n := range numbers {
		exists = exists || dns.IsSubDomain(name, n) // an empty non-terminal exists
		if n == name && qtype == dns.TypeNAPTR {
			m.Answer = append(m.Answer, rr(n+` 60 NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:1001@pbx.example!" .`))
		}
	}
	switch {
	case name == zone && qtype == dns.TypeNS:
		m.Answer = append(m.Answer, rr(zone+" 60 NS ns."+zone))
	case name == "ns."+zone && qtype == dns.TypeA:
		m.Answer = append(m.Answer, rr("ns."+zone+" 60 A 10.99.1.1"))
	}
	if !exists {
		m.Rcode = dns.RcodeNameError
	}
	if len(m.Answer) == 0 {
		m.Ns = append(m.Ns, rr(zone+" 60 SOA ns."+zone+" h."+zone+" 1 3600 600 86400 60"))
	}
	w.WriteMsg(m)
}

// lookup returns how many queries the server has seen for it.
func lookup(resolver, name string) int32 {
	before := asked.Load()
	c := dns.Client{Timeout: 5 * time.Second}
	m, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeNAPTR), resolver+":53")
	if err != nil || len(m.Answer) != 1 {
		fmt.Println("no answer from", resolver, err)
		os.Exit(1)
	}
	return asked.Load() - before
}

func main() {
	for _, network := range []string{"udp", "tcp"} {
		go (&dns.Server{Addr: "10.99.1.1:53", Net: network, Handler: dns.HandlerFunc(serve)}).ListenAndServe()
	}
	for _, a := range os.Args[1:] {
		name, address, _ := strings.Cut(a, "=")
		for range 100 { // until it runs
			if _, err := dns.Exchange(new(dns.Msg).SetQuestion("ns."+zone, dns.TypeA), address+":53"); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Second)
		fmt.Printf("%s: first %d, again %d, next %d, elsewhere %d\n", name, lookup(address, numbers[0]),
			lookup(address, numbers[0]), lookup(address, numbers[1]), lookup(address, numbers[2]))
	}
}
EOF
    (
        cd "$dir/server"
        export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
        go mod init server
        go get github.com/miekg/dns@v1.1.73
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

for n in 1 2 3 4 5; do ip address add 10.99.1.$n/32 dev lo; done
mount -t proc proc "$root/proc"
version="$(run unbound -V | head -1 | cut -d' ' -f2) $(run pdns_recursor --version 2>&1 | grep -o 'Recursor [0-9.]*[0-9]' | cut -d' ' -f2) $(run named -v | cut -d' ' -f2 | cut -d- -f1)"
echo "version:   unbound, PowerDNS Recursor, BIND $version"
[ "$version" = '1.26.2 5.2.13 9.20.30' ] || wrong "other versions"
echo "guess:     one query for each number, or a few more for the first"
echo "behaviour: with a stub-zone unbound needs ten for each"
for zone in 2=stub 3=forward; do
    cat >"$root/tmp/unbound${zone%=*}.conf" <<EOF
server:
  interface: 10.99.1.${zone%=*}
  access-control: 10.99.1.0/24 allow
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "/tmp"
  pidfile: ""
  use-syslog: no
  domain-insecure: fed.example
remote-control:
  control-enable: no
${zone#*=}-zone:
  name: fed.example
  ${zone#*=}-addr: 10.99.1.1
EOF
    run unbound -d -c "/tmp/unbound${zone%=*}.conf" >"$dir/unbound${zone%=*}.log" 2>&1 &
done
mkdir "$root/tmp/pdns" "$root/tmp/bind"
cat >"$root/tmp/pdns/recursor.yml" <<'EOF'
incoming:
  listen: [10.99.1.4]
  allow_from: [10.99.1.0/24]
recursor:
  socket_dir: /tmp/pdns
  forward_zones:
    - zone: fed.example
      forwarders: [10.99.1.1]
dnssec:
  validation: "off"
outgoing:
  dont_query: []
EOF
run pdns_recursor --config-dir=/tmp/pdns >"$dir/pdns.log" 2>&1 &
cat >"$root/tmp/bind/named.conf" <<'EOF'
options { directory "/tmp/bind"; listen-on { 10.99.1.5; }; listen-on-v6 { none; }; pid-file none;
          session-keyfile none; dnssec-validation no; allow-query { any; }; allow-recursion { any; }; };
zone fed.example { type static-stub; server-addresses { 10.99.1.1; }; };
controls { };
EOF
run named -g -c /tmp/bind/named.conf >"$dir/bind.log" 2>&1 &
timeout 100 "$dir/server/server" 'unbound, stub-zone=10.99.1.2' 'unbound, forward-zone=10.99.1.3' \
    'PowerDNS=10.99.1.4' 'BIND=10.99.1.5' >"$dir/seen" || wrong "$(cat "$dir/seen")"
sed 's/^/seen:      /' "$dir/seen"
grep -qx 'unbound, stub-zone: first 10, again 0, next 10, elsewhere 10' "$dir/seen" || wrong "unbound, stub-zone"
grep -qx 'unbound, forward-zone: first 1, again 0, next 1, elsewhere 1' "$dir/seen" || wrong "unbound, forward-zone"
grep -qE '^PowerDNS: first (9|10), again 0, next 1, ' "$dir/seen" || wrong "PowerDNS"
grep -qE '^BIND: first [3-6], again 0, next [12], ' "$dir/seen" || wrong "BIND"
