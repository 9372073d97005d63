#!/bin/bash
# Software: BIND 9.20.30 as a secondary, with NSD 4.12.0 as primary and Knot DNS 3.4.6 as another
#   secondary; all of Debian 13.
#
# Expected: a domain with 101 SRV records, one for each of 101 servers, is large but a DNS zone like any
#   other; at worst the answer needs TCP.
# Happens: BIND takes at most 100 records of a type at a name (max-records-per-type). The 101st makes
#   it refuse the whole zone: "Transfer status: too many records", the primary is asked again and
#   again, and a new secondary answers SERVFAIL for all names. One that has an older copy goes on
#   serving it until it expires. The primary and Knot have no objection and log nothing.
# Why it matters: a federation whose members all stand at one name (_sip._udp of the domain) runs up
#   to its 100th member; the 101st takes the zone away from every BIND secondary, and who joined has
#   no secondary to look at. Set "max-records-per-type 0" there, or split the name.
# Source: BIND ARM, max-records-per-type (default 100; it came with 9.18.28 and 9.20.0).
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,nsd=4.12.0-1,knot=3.4.6-2,bind9=1:9.20.30-1~deb13u1,bind9-dnsutils=1:9.20.30-1~deb13u1 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    # Own network and processes: nothing leaves the machine, and nothing is left running.
    unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir"
    exit
fi

dir=$2 root=$2/root
ip link set lo up
for n in 1 2 3 4; do ip address add 10.99.1.$n/32 dev lo; done
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }

echo "version:   $(run named -v), $(run nsd -v 2>&1 | head -1), $(run knotd -V 2>/dev/null)"
[[ $(run named -v) == 'BIND 9.20.30-'* ]] || wrong "another version of BIND"
echo "guess:     the number of SRV records at a name is limited by nothing but the message's size"
echo "behaviour: the 101st record makes BIND refuse the zone"

# zone SERIAL COUNT: a zone with so many servers.
zone() {
    {
        printf '%s\n' '$ORIGIN fed.example.' "@ 60 SOA ns hostmaster $1 3600 600 86400 60" '@ 60 NS ns' 'ns 60 A 10.99.1.1'
        for n in $(seq "$2"); do echo "_sip._udp 60 SRV 10 10 5060 pbx-$n"; done
    } >"$root/tmp/fed.zone"
}
mkdir -p "$root/tmp/sec" "$root/tmp/new" "$root/tmp/knot"
cat >"$root/tmp/nsd.conf" <<'EOF'
server:
  ip-address: 10.99.1.1
  username: ""
  zonesdir: "/tmp"
  pidfile: ""
  xfrdfile: ""
  zonelistfile: "/tmp/zone.list"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: fed.example
  zonefile: fed.zone
  provide-xfr: 10.99.1.0/24 NOKEY
  notify: 10.99.1.2 NOKEY
  notify: 10.99.1.4 NOKEY
  outgoing-interface: 10.99.1.1
EOF
# named NAME ADDRESS: a BIND secondary.
named() {
    cat >"$root/tmp/$1/named.conf" <<EOF
options { directory "/tmp/$1"; listen-on { $2; }; listen-on-v6 { none; };
          pid-file none; session-keyfile none; recursion no; };
zone fed.example { type secondary; primaries { 10.99.1.1; }; transfer-source $2; };
controls { };
EOF
    chroot "$root" named -g -c "/tmp/$1/named.conf" >"$dir/$1.log" 2>&1 &
}
cat >"$root/tmp/knot/knot.conf" <<'EOF'
server:
  listen: 10.99.1.4@53
  rundir: /tmp/knot
database:
  storage: /tmp/knot
remote:
  - id: primary
    address: 10.99.1.1
    via: 10.99.1.4
acl:
  - id: notify
    address: 10.99.1.1
    action: notify
zone:
  - domain: fed.example
    file: /tmp/knot/fed.zone
    master: primary
    acl: notify
EOF
dig() { run dig +tries=1 +timeout=3 "$@" 2>&1 || true; }
until_() { for _ in $(seq 150); do eval "$1" && return; sleep 0.1; done; wrong "waited in vain for: $1"; }
serial() { dig @"$1" fed.example SOA +short | cut -d' ' -f3; }

zone 1 100
chroot "$root" nsd -d -c /tmp/nsd.conf >"$dir/nsd.log" 2>&1 &
nsd=$!
until_ '[ "$(serial 10.99.1.1)" = 1 ]'
named sec 10.99.1.2
chroot "$root" knotd -c /tmp/knot/knot.conf >"$dir/knot.log" 2>&1 &
until_ '[ "$(serial 10.99.1.2)" = 1 ] && [ "$(serial 10.99.1.4)" = 1 ]'
echo "seen:      100 servers: BIND has serial $(serial 10.99.1.2), Knot $(serial 10.99.1.4)"

zone 2 101
kill -HUP $nsd
until_ '[ "$(serial 10.99.1.4)" = 2 ]'
named new 10.99.1.3
until_ 'grep -q "Transfer status: " "$dir/new.log" && [ "$(grep -c "Transfer status: " "$dir/sec.log")" -ge 2 ]'
echo "seen:      101 servers: BIND has serial $(serial 10.99.1.2), Knot $(serial 10.99.1.4)"
[ "$(serial 10.99.1.2)" = 1 ] || wrong "BIND has taken the 101st"
status=$(grep -o 'Transfer status: .*' "$dir/sec.log" | tail -1)
echo "seen:      BIND: $status"
[ "$status" = 'Transfer status: too many records' ] || wrong "another status"
got=$(dig @10.99.1.3 ns.fed.example A | grep -o 'status: [A-Z]*')
echo "seen:      a new BIND secondary, the address of ns.fed.example: $got"
[ "$got" = 'status: SERVFAIL' ] || wrong "expected SERVFAIL"
got=$(dig @10.99.1.4 _sip._udp.fed.example SRV +tcp +short | grep -c pbx-)
echo "seen:      Knot, SRV records: $got"
[ "$got" = 101 ] || wrong "expected 101"
