#!/bin/bash
# Software: miekg/dns v1.1.73 as the server; dig 9.20.30, kdig 3.4.6, drill 1.8.4 and dnspython 2.7.0
#   as clients; BIND 9.20.30 for comparison; the latter all of Debian 13.
#
# Expected: the name of a TSIG key is a domain name, "Fed-Key" and "fed-key" are one key, and where
#   both sides have the very same spelling nothing can go wrong at all.
# Happens: the server looks the name up in its map of secrets octet by octet. dig and kdig send the
#   name in lower case whatever was typed, drill and dnspython send it as typed. So with the key
#   "Fed-Key" at the server, dig -y hmac-sha256:Fed-Key:... is refused ("no secrets defined"), while
#   drill and dnspython are let in; with "fed-key" at the server it is the other way round: dig and
#   kdig work with any spelling, drill and dnspython with lower case only. No spelling but lower
#   case on both sides works for all. BIND takes every one of them.
# Why it matters: whoever federates phone systems hands a transfer or update key to others. The
#   refusal says that the key is unknown, although both sides show the same name.
#   All servers on miekg/dns (CoreDNS's own listeners too) compare like this. Hand out key names
#   in lower case.
# Source: RFC 8945 section 4.3.3 (the name is digested in canonical form, lower case);
#   miekg/dns tsig.go, tsigSecretProvider.Verify().
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bind9=1:9.20.30-1~deb13u1,bind9-dnsutils=1:9.20.30-1~deb13u1,knot-dnsutils=3.4.6-2 \
        --include=ldnsutils=1.8.4-2+b1,python3-dnspython=2.7.0-1+deb13u1 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    mkdir "$dir/server"
    cat >"$dir/server/main.go" <<'EOF'
// A server that transfers fed.example to whoever signs with the key: ADDRESS NAME SECRET.
package main

import (
	"log"
	"os"

	"github.com/miekg/dns"
)

func main() {
	soa, _ := dns.NewRR("fed.example. 60 IN SOA ns.fed.example. h.fed.example. 1 3600 600 86400 60")
	ns, _ := dns.NewRR("fed.example. 60 IN NS ns.fed.example.")
	server := &dns.Server{Addr: os.Args[1], Net: "tcp", TsigSecret: map[string]string{os.Args[2]: os.Args[3]}}
	server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		if t := r.IsTsig(); t == nil || w.TsigStatus() != nil {
			m.Rcode = dns.RcodeNotAuth
			log.Print(w.TsigStatus())
		} else {
			m.Answer = []dns.RR{soa, ns, soa}
			m.SetTsig(t.Hdr.Name, t.Algorithm, 300, int64(t.TimeSigned))
		}
		w.WriteMsg(m)
	})
	log.Fatal(server.ListenAndServe())
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

root=$2/root
ip link set lo up
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }

echo "version:   miekg/dns $(grep -o 'miekg/dns v[0-9.]*' "$2/server/go.mod" | cut -d' ' -f2)," \
    "$(run dig -v 2>&1), $(run kdig -V 2>/dev/null), $(run drill -v | head -1)," \
    "dnspython $(run python3 -c 'import dns.version; print(dns.version.version)')"
grep -q 'miekg/dns v1.1.73' "$2/server/go.mod" || wrong "another version of miekg/dns"
echo "guess:     letter case is of no importance in a key's name"
echo "behaviour: dig and kdig send lower case, drill and dnspython what was typed; miekg/dns compares octets"

secret=$(printf '%032d' 7 | base64)
for n in 1 2 3; do ip address add 10.99.1.$n/32 dev lo; done
"$2/server/server" 10.99.1.1:53 Fed-Key. "$secret" 2>"$2/1.log" &
"$2/server/server" 10.99.1.2:53 fed-key. "$secret" 2>"$2/2.log" &
mkdir "$root/tmp/bind"
cat >"$root/tmp/bind/named.conf" <<EOF
key "Fed-Key" { algorithm hmac-sha256; secret "$secret"; };
options { directory "/tmp/bind"; listen-on { 10.99.1.3; }; listen-on-v6 { none; }; pid-file none;
          session-keyfile none; recursion no; allow-transfer { key "Fed-Key"; }; };
zone fed.example { type primary; file "fed.zone"; };
controls { };
EOF
cat >"$root/tmp/bind/fed.zone" <<'EOF'
@ 60 SOA ns.fed.example. h.fed.example. 1 3600 600 86400 60
@ 60 NS ns.fed.example.
ns.fed.example. 60 A 192.0.2.1
EOF
run named -g -c /tmp/bind/named.conf >"$2/bind.log" 2>&1 &
for n in 1 2 3; do
    for _ in $(seq 100); do (exec 3<>/dev/tcp/10.99.1.$n/53) 2>/dev/null && break; sleep 0.1; done
done

cat >"$root/tmp/axfr.py" <<'EOF'
import sys, dns.query, dns.tsigkeyring, dns.xfr, dns.zone
address, key, secret = sys.argv[1:]
zone = dns.zone.Zone("fed.example.")
ring = dns.tsigkeyring.from_text({key: secret})
query, serial = dns.xfr.make_query(zone, keyring=ring, keyalgorithm="hmac-sha256")
dns.query.inbound_xfr(address, zone, query, lifetime=3)
print("SOA" if zone.get_soa() else "")
EOF
# ask CLIENT ADDRESS KEY: "yes" where the zone was transferred.
ask() {
    case $1 in
    dig) run dig +tries=1 +time=3 @"$2" -y "hmac-sha256:$3:$secret" fed.example AXFR ;;
    kdig) run kdig +retry=0 +time=3 @"$2" -y "hmac-sha256:$3:$secret" fed.example AXFR ;;
    drill) run drill -t -y "$3:$secret:hmac-sha256" @"$2" AXFR fed.example ;;
    dnspython) run python3 /tmp/axfr.py "$2" "$3" "$secret" ;;
    esac 2>&1 | grep -v '^;' | grep -q SOA && echo yes || echo no
}
# row SERVER ADDRESS KEY EXPECTED...: the clients in turn.
row() {
    local server=$1 address=$2 key=$3 got=
    shift 3
    for client in dig kdig drill dnspython; do got="$got$(ask $client "$address" "$key") "; done
    printf 'seen:      server %-20s client %-8s dig kdig drill dnspython: %s\n' "$server" "$key" "$got"
    [ "$got" = "$* " ] || wrong "expected $*"
}
row 'miekg/dns, Fed-Key' 10.99.1.1 Fed-Key no no yes yes
row 'miekg/dns, Fed-Key' 10.99.1.1 fed-key no no no no
row 'miekg/dns, fed-key' 10.99.1.2 Fed-Key yes yes no no
row 'miekg/dns, fed-key' 10.99.1.2 fed-key yes yes yes yes
row 'BIND, Fed-Key' 10.99.1.3 Fed-Key yes yes yes yes
row 'BIND, Fed-Key' 10.99.1.3 FED-KEY yes yes yes yes
echo "seen:      the first server's log: $(cut -d' ' -f3- "$2/1.log" | sort | uniq -c | head -1 | xargs)"
grep -q 'no secrets defined' "$2/1.log" || wrong "the server says $(head -1 "$2/1.log")"
