#!/bin/bash
# Software: Kamailio 6.0.1 and NSD 4.12.0, both of Debian 13.
#
# Expected: the SOA of the zone says how long "this name does not exist" may be kept (RFC 2308); with
#   a minimum of one second a name that appears is found within a second or two.
# Happens: Kamailio's own DNS cache, which is on by default, keeps a negative answer for 60 seconds
#   whatever the SOA says. For a minute after one failed call, requests to a host that has long been
#   published are refused with 478. "dns_cache_negative_ttl = 2" makes it two seconds; positive
#   answers follow their TTL.
# Why it matters: a node that joins, or a user who registers a moment after somebody called, stays
#   unreachable from Kamailio for a minute, while dig on the same machine shows the record.
# Source: RFC 2308 section 5; Kamailio src/core/dns_cache.c, DEFAULT_DNS_NEG_CACHE_TTL, and the core
#   cookbook, dns_cache_negative_ttl.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,bind9-dnsutils,sipsak,kamailio=6.0.1-1+deb13u1,nsd=4.12.0-1 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    # Own network and processes: nothing leaves the machine, and nothing is left running.
    unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir"
    exit
fi

dir=$2 root=$2/root
ip link set lo up
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }

for n in 1 2; do ip address add 10.99.3.$n/24 dev lo; done
mount -t proc proc "$root/proc"
echo 'nameserver 10.99.3.1' >"$root/etc/resolv.conf"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo "10.99.3.2 localhost $(hostname)" >"$root/etc/hosts"
version=$(run kamailio -v | grep -o 'kamailio [0-9.]*')
echo "version:   $version"
[ "$version" = 'kamailio 6.0.1' ] || wrong "another version"
echo "guess:     a name that appears is found within two seconds, as the SOA says"
echo "behaviour: a minute after the first failure, whatever the SOA says"
cat >"$root/tmp/nsd.conf" <<'EOF'
server:
  ip-address: 10.99.3.1
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
EOF
# zone [RECORD]: a zone whose negative answers are good for one second.
serial=0
zone() {
    serial=$((serial + 1))
    printf '%s\n' '$ORIGIN fed.example.' "@ 60 SOA ns hostmaster $serial 3600 600 86400 1" '@ 60 NS ns' \
        'ns 60 A 10.99.3.1' "${1:-}" >"$root/tmp/fed.zone"
}
zone
chroot "$root" nsd -d -c /tmp/nsd.conf >"$dir/nsd.log" 2>&1 &
nsd=$!
dig() { run dig @10.99.3.1 +short +tries=1 +timeout=2 "$@" || true; }
for _ in $(seq 50); do dig fed.example SOA | grep -q hostmaster && break; sleep 0.2; done

# look PARAMETER: after how many seconds a name that was missing once is found.
look() {
    zone
    kill -HUP $nsd
    until dig fed.example SOA | grep -q " $serial "; do sleep 0.1; done
    # Kamailio answers 200 itself for what comes back to it by way of the new name.
    cat >"$root/tmp/kamailio.cfg" <<EOF
children=2
disable_tcp=yes
log_stderror=yes
listen=udp:10.99.3.2:5060
$1
mpath="/$(cd "$root" && find usr/lib -path '*kamailio/modules')"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
request_route {
    if (\$rU == "there") { sl_send_reply("200", "OK"); exit; }
    \$ru = "sip:there@new.fed.example";
    if (!t_relay()) sl_reply_error();
}
EOF
    chroot "$root" kamailio -DD -E -f /tmp/kamailio.cfg >"$dir/kamailio.log" 2>&1 &
    local kamailio=$!
    sleep 1.5
    local first found=
    first=$(answer)
    zone 'new 60 A 10.99.3.2'
    kill -HUP $nsd
    until [ "$(dig new.fed.example A)" = 10.99.3.2 ]; do sleep 0.1; done
    local begin=$SECONDS
    while [ $((SECONDS - begin)) -lt 75 ]; do
        if [ "$(answer)" = 200 ]; then
            found=$((SECONDS - begin))
            break
        fi
        sleep 0.5
    done
    kill $kamailio || wrong "Kamailio does not run: $(grep -m1 ERROR "$dir/kamailio.log")"
    wait $kamailio || true
    echo "seen:      ${1:-defaults}: at first $first; dig finds the name at once, Kamailio after ${found:-more than 75} s"
    got=${found:-99}
}
# answer: the status of a request through Kamailio.
answer() { timeout 5 chroot "$root" sipsak -vvv -s sip:x@10.99.3.2 2>/dev/null | grep -ao 'SIP/2.0 [0-9]*' | tail -1 | cut -d' ' -f2 || true; }
look ''
[ $got -ge 50 ] && [ $got -le 65 ] || wrong "expected about 60 seconds"
look 'dns_cache_negative_ttl = 2'
[ $got -le 6 ] || wrong "expected about two seconds"
