#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable), function ENUMLOOKUP.
#
# Expected: of the NAPTR records of a number, those that an ENUM client cannot use (another flag,
#   a regexp that does not match this number) are passed over, as RFC 3403 says, and the rest counts.
# Happens: one of them and the lookup is empty, also where a good record has a lower order and stands
#   first. The log says "Failed to parse naptr" and does not name the record. Records of another
#   service (E2U+mailto) do no harm, as long as their flag is "u" and their regexp matches.
# Why it matters: the owners of a number add records at will: a "S" "SIP+D2U" for RFC 3263, a rule
#   for a range that misses this number, and the number cannot be dialled from Asterisk any more,
#   while other clients still find it. Keep ENUM names free of all that is not for ENUM.
# Source: RFC 3403 section 4.1 and RFC 3402 section 4 (rules that do not match are skipped);
#   Asterisk main/enum.c, parse_naptr() and enum_callback(), which returns its error.
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
            --include="base-files,bash,asterisk=$3,asterisk-modules=$3,nsd,coreutils" "$2" "$dir/$1" \
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
exten => _X.,1,Log(NOTICE,number ${EXTEN} gives [${ENUMLOOKUP(${EXTEN},sip,,1,e164.fed.example.)}])
EOF
printf '[logfiles]\nmessages => notice,warning,error\n' >"$root/tmp/etc/logger.conf"
touch "$root/tmp/etc/enum.conf"
cat >"$root/tmp/fed.zone" <<'EOF'
$ORIGIN e164.fed.example.
@ 3600 SOA ns hostmaster 1 3600 600 86400 60
@ 3600 NS  ns
ns 3600 A 127.0.0.1
$TTL 60
1.0.0.1 NAPTR 10 10 "u" "E2U+sip"    "!^.*$!sip:good@pbx-a.example!" .
; another service
2.0.0.1 NAPTR 10 10 "u" "E2U+sip"    "!^.*$!sip:good@pbx-a.example!" .
2.0.0.1 NAPTR 20 10 "u" "E2U+mailto" "!^.*$!mailto:good@a.example!" .
; a record for RFC 3263
3.0.0.1 NAPTR 10 10 "u" "E2U+sip"    "!^.*$!sip:good@pbx-a.example!" .
3.0.0.1 NAPTR 20 10 "s" "SIP+D2U"    "" _sip._udp.pbx-a.example.
; a rule for other numbers
4.0.0.1 NAPTR 10 10 "u" "E2U+sip"    "!^.*$!sip:good@pbx-a.example!" .
4.0.0.1 NAPTR 20 10 "u" "E2U+sip"    "!^2...$!sip:other@pbx-a.example!" .
; a rule for other numbers and another service
5.0.0.1 NAPTR 10 10 "u" "E2U+sip"    "!^.*$!sip:good@pbx-a.example!" .
5.0.0.1 NAPTR 20 10 "u" "E2U+mailto" "!^2...$!mailto:other@a.example!" .
; not terminal
6.0.0.1 NAPTR 10 10 "u" "E2U+sip"    "!^.*$!sip:good@pbx-a.example!" .
6.0.0.1 NAPTR 20 10 ""  "E2U+sip"    "" other.example.
EOF
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
echo "guess:     a record that cannot be used is passed over"
echo "behaviour: it takes the others with it"

# number N EXPECTED WHAT
number() {
    cli "channel originate Local/$1@look application Wait 1" >/dev/null
    local got=
    for _ in $(seq 50); do
        got=$(grep -ao "number $1 gives .*" "$root/tmp/log/messages") && break
        sleep 0.1
    done
    got=${got#*gives }
    printf 'seen:      a good record and %-48s gives %s\n' "$3" "$got"
    [ "$got" = "[$2]" ] || wrong "expected [$2]"
}
number 1001 good@pbx-a.example 'nothing else'
number 1002 good@pbx-a.example 'E2U+mailto'
number 1003 '' '"s" "SIP+D2U"'
number 1004 '' 'one whose regexp is for other numbers'
number 1005 '' 'E2U+mailto whose regexp is for other numbers'
number 1006 '' 'one that is not terminal'
