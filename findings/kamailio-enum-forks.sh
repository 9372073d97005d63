#!/bin/bash
# Software: Kamailio 6.0.1 (module enum) and NSD 4.12.0, both of Debian 13.
#
# Expected: two NAPTR records with the orders 10 and 20 are tried in turn: the second is for when the
#   first fails (RFC 3403: records of a lower order are used first, the others are not considered
#   once one has matched).
# Happens: enum_query() makes a branch of each record, and t_relay() calls all of them at once, the
#   one of order 10 as the one of order 20; so does a pair of equal order with two preferences. The
#   order has become a q value, which nothing looks at unless t_load_contacts() and t_next_contacts()
#   are called and the module tm was given contacts_avp and contact_flows_avp. Without the latter
#   two, t_load_contacts() succeeds and does nothing.
# Why it matters: a federation publishes a user's old home as the second record. Calls from Kamailio
#   ring both at once, and the old phone or its voicemail may answer first.
# Source: RFC 3403 section 4.1; Kamailio modules enum (enum_query) and tm (t_load_contacts).
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,python3-minimal,sipsak,kamailio=6.0.1-1+deb13u1,nsd=4.12.0-1 \
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

for n in 1 2 11 12; do ip address add 10.99.3.$n/24 dev lo; done
mount -t proc proc "$root/proc"
echo 'nameserver 10.99.3.1' >"$root/etc/resolv.conf"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo "10.99.3.2 localhost $(hostname)" >"$root/etc/hosts"
version=$(run kamailio -v | grep -o 'kamailio [0-9.]*')
echo "version:   $version"
[ "$version" = 'kamailio 6.0.1' ] || wrong "another version"
echo "guess:     the record of order 10 first, the one of order 20 when that fails"
echo "behaviour: both at once, until four things are set"

cat >"$root/tmp/fed.zone" <<'EOF'
$ORIGIN fed.example.
@ 60 SOA ns hostmaster 1 3600 600 86400 60
@ 60 NS  ns
ns 60 A 10.99.3.1
a  60 A 10.99.3.11
b  60 A 10.99.3.12
4.0.0.1.e164 60 NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:1004@a.fed.example!" .
4.0.0.1.e164 60 NAPTR 20 10 "u" "E2U+sip" "!^.*$!sip:1004@b.fed.example!" .
5.0.0.1.e164 60 NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:1005@a.fed.example!" .
5.0.0.1.e164 60 NAPTR 10 20 "u" "E2U+sip" "!^.*$!sip:1005@b.fed.example!" .
EOF
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
run nsd -d -c /tmp/nsd.conf >"$dir/nsd.log" 2>&1 &
# Two homes that are silent: they write which of them was called, and when.
cat >"$root/tmp/homes.py" <<'EOF'
import select, socket, sys, time
homes = {}
for name, address in ("a", "10.99.3.11"), ("b", "10.99.3.12"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 5060))
    homes[s] = name
begin, seen, end = None, set(), time.time() + float(sys.argv[1])
while time.time() < end:
    for s in select.select(list(homes), [], [], 0.1)[0]:
        s.recv(65536)
        begin = begin or time.time()
        if homes[s] not in seen:
            seen.add(homes[s])
            print("%s after %.1f s" % (homes[s], time.time() - begin), flush=True)
EOF
# call NUMBER PARAMETERS ROUTE: what the homes see within five seconds.
call() {
    cat >"$root/tmp/kamailio.cfg" <<EOF
children=1
disable_tcp=yes
log_stderror=yes
listen=udp:10.99.3.2:5060
mpath="/$(cd "$root" && find usr/lib -path '*kamailio/modules')"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "enum.so"
modparam("tm", "fr_timer", 2000)
$2
request_route {
    if (!enum_query("e164.fed.example.")) exit;
    $3
    t_on_failure("NEXT");
    t_relay();
}
failure_route[NEXT] {
    if (t_next_contacts()) { t_on_failure("NEXT"); t_relay(); }
}
EOF
    chroot "$root" kamailio -DD -E -f /tmp/kamailio.cfg >"$dir/kamailio.log" 2>&1 &
    local kamailio=$!
    sleep 1.5
    chroot "$root" python3 /tmp/homes.py 5 >"$dir/homes" &
    local homes=$!
    sleep 0.3
    timeout 2 chroot "$root" sipsak -s "sip:+$1@10.99.3.2" >/dev/null 2>&1 || true
    wait $homes
    kill $kamailio || wrong "Kamailio does not run: $(grep -m1 ERROR "$dir/kamailio.log")"
    wait $kamailio || true
    got=$(paste -sd, "$dir/homes" | sed 's/,/, /')
}
both='modparam("tm", "contacts_avp", "$avp(tm_contacts)") modparam("tm", "contact_flows_avp", "$avp(tm_flows)")'
call 1004 '' ''
echo "seen:      orders 10 and 20: $got"
[[ $got == *'after 0.0 s, '*'after 0.0 s' ]] || wrong "not at once"
call 1005 '' ''
echo "seen:      preferences 10 and 20: $got"
[[ $got == *'after 0.0 s, '*'after 0.0 s' ]] || wrong "not at once"
call 1004 '' 't_load_contacts(); t_next_contacts();'
echo "seen:      with t_load_contacts, t_next_contacts: $got"
[[ $got == *'after 0.0 s, '*'after 0.0 s' ]] || wrong "not at once"
call 1004 "$both" 't_load_contacts(); t_next_contacts();'
echo "seen:      and with both parameters: $got"
[[ $got == 'a after 0.0 s, b after '[12].* ]] || wrong "not in turn"
