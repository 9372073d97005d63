#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable), function ENUMLOOKUP.
#
# Expected: an answer that does not fit into UDP comes over TCP, up to 65,535 octets, and the best
#   record is taken, however many there are.
# Happens: the buffer has 4,096 octets. Up to there all is well, over TCP too. One record more, and the
#   lookup is empty, whichever record is asked for. The option c still counts, 58 of 60 here, so the
#   dialplan goes on to ask for records that it does not get. The log says "Failed to expand
#   hostname" and not that the answer is too long.
# Why it matters: a number with many homes, or a prefix that every member of a federation can reach,
#   grows by one record a member, and one day it is unreachable from every Asterisk at once, while
#   dig shows the records. It depends on the server: without name compression it comes far sooner.
# Source: Asterisk main/dns.c, MAX_SIZE (4096), ast_search_dns(); main/enum.c.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    # root NAME SUITE VERSION: a root file system with that Asterisk.
    root() {
        mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
            --aptopt='Acquire::Check-Valid-Until "false"' \
            --include="base-files,bash,asterisk=$3,asterisk-modules=$3,nsd,coreutils,bind9-dnsutils" "$2" "$dir/$1" \
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $2 main"
    }
    root 16 bullseye '1:16.28.0~dfsg-0+deb11u4'
    root 22 sid '1:22.10.1+dfsg+~cs6.17.60671434-1'
    for version in 16 22; do
        # Own network and processes: nothing leaves the machine, and nothing is left running.
        unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir" $version
    done
    exit
fi

root=$2/$3
ip link set lo up
mount --bind /dev "$root/dev"
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }
modules=$(cd "$root" && find usr/lib -maxdepth 3 -path "*asterisk/modules")
mkdir -p "$root"/tmp/{etc,lib,run,log,spool}
cat >"$root/tmp/etc/asterisk.conf" <<EOF
[directories]
astetcdir => /tmp/etc
astmoddir => /$modules
astvarlibdir => /tmp/lib
astdbdir => /tmp/lib
astdatadir => /usr/share/asterisk
astrundir => /tmp/run
astlogdir => /tmp/log
astspooldir => /tmp/spool
EOF
# cli COMMAND: what the running Asterisk prints.
cli() { chroot "$root" asterisk -C /tmp/etc/asterisk.conf -rx "$1" 2>/dev/null | grep -v 'ethernet interface' || true; }
# start MODULE...: an Asterisk with no other modules.
start() {
    { echo "[modules]"; echo "autoload = no"; printf 'load = %s.so\n' "$@"; } >"$root/tmp/etc/modules.conf"
    chroot "$root" asterisk -f -C /tmp/etc/asterisk.conf >"$root/tmp/asterisk.log" 2>&1 &
    for _ in $(seq 100); do
        cli 'core waitfullybooted' | grep -q 'fully booted' && return
        sleep 0.2
    done
    wrong "Asterisk does not start: $(tail -3 "$root/tmp/asterisk.log")"
}

cat >"$root/tmp/etc/extensions.conf" <<'EOF'
[look]
exten => _X.,1,Set(count=${ENUMLOOKUP(${EXTEN},sip,c,1,e164.fed.example.)})
 same => n,Log(NOTICE,number ${EXTEN} gives [${ENUMLOOKUP(${EXTEN},sip,,1,e164.fed.example.)}], count ${count})
EOF
printf '[logfiles]\nmessages => notice,warning,error\n' >"$root/tmp/etc/logger.conf"
touch "$root/tmp/etc/enum.conf"
# Each record has 68 octets in an answer with compression, the rest 75.
{
    printf '%s\n' '$ORIGIN e164.fed.example.' '@ 3600 SOA ns hostmaster 1 3600 600 86400 60' '@ 3600 NS ns' \
        'ns 3600 A 127.0.0.1' '$TTL 60'
    for count in 20 59 60; do
        for n in $(seq 10 $((count + 9))); do
            echo "${count:1}.${count:0:1}.0.1 NAPTR 10 $n \"u\" \"E2U+sip\" \"!^.*\$!sip:1001@pbx-$n.nodes.fed.example!\" ."
        done
    done
} >"$root/tmp/fed.zone"
cat >"$root/tmp/nsd.conf" <<'EOF'
server:
  ip-address: 127.0.0.1
  username: ""
  zonesdir: "/tmp"
  pidfile: ""
  xfrdfile: ""
  database: ""
  zonelistfile: "/tmp/zone.list"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: e164.fed.example
  zonefile: fed.zone
EOF
[ "$3" = 16 ] || sed -i '/database:/d' "$root/tmp/nsd.conf"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
chroot "$root" nsd -d -c /tmp/nsd.conf >"$root/tmp/nsd.log" 2>&1 &
start pbx_config app_verbose res_clioriginate func_enum
version=$(chroot "$root" asterisk -V)
echo "version:   $version"
[[ $version == "Asterisk $3."* ]] || wrong "another version"
echo "guess:     the best of any number of records is found"
echo "behaviour: an answer of more than 4,096 octets has none"

# number N: sets got to what the lookup gives.
number() {
    cli "channel originate Local/$1@look application Wait 1" >/dev/null
    got=
    for _ in $(seq 50); do
        got=$(grep -ao "number $1 gives .*" "$root/tmp/log/messages") && break
        sleep 0.1
    done
    got=${got#*gives }
}
# size N: of the answer, over TCP.
size() {
    local digits=$1
    chroot "$root" dig @127.0.0.1 +tcp +noedns "${digits:3}.${digits:2:1}.${digits:1:1}.${digits:0:1}.e164.fed.example" NAPTR |
        sed -n 's/.*MSG SIZE  rcvd: //p'
}
look() {
    number "$1"
    octets=$(size "$1")
    echo "seen:      $2 records, $octets octets: $got"
}
look 1020 20
[ "$got" = '[1001@pbx-10.nodes.fed.example], count 20' ] || wrong "expected 20"
look 1059 59
[ "$got" = '[1001@pbx-10.nodes.fed.example], count 59' ] && [ "$octets" -le 4096 ] || wrong "expected 59"
look 1060 60
[ "$got" = '[], count 58' ] && [ "$octets" -gt 4096 ] || wrong "expected nothing"
grep -aohE '(dns|enum).c: .*' "$root/tmp/log/messages" | sort | uniq -c | sed 's/^ */seen:      log: /'
