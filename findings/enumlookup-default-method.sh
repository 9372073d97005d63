#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable), function ENUMLOOKUP.
#
# Expected: a dialplan with ${ENUMLOOKUP(+${EXTEN},,,1,zone)} and a zone with the registered
#   Enumservice "E2U+sip" find the number after an upgrade of Asterisk as before it.
# Happens: without a method version 16 looks for "sip", version 22 for "pjsip". "E2U+pjsip" is no
#   registered Enumservice and stands in no public tree, so every lookup is empty, without a word in
#   the log. With the method sip it is found, and the result, "1001@pbx.example", has to be dialled by
#   PJSIP all the same.
# Why it matters: a federation of servers of several versions, or an upgrade, and the same dialplan
#   reaches no number. Name the method in the dialplan; a zone for others' dialplans has both.
# Source: Asterisk funcs/func_enum.c, function_enum(); RFC 6116 and the IANA list of Enumservices.
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
exten => _X.,1,Set(named=${ENUMLOOKUP(${EXTEN},sip,,1,e164.fed.example.)})
 same => n,Log(NOTICE,number ${EXTEN} gives [${ENUMLOOKUP(${EXTEN},,,1,e164.fed.example.)}], with the method sip [${named}])
EOF
printf '[logfiles]\nmessages => notice,warning,error\n' >"$root/tmp/etc/logger.conf"
touch "$root/tmp/etc/enum.conf"
cat >"$root/tmp/fed.zone" <<'EOF'
$ORIGIN e164.fed.example.
@ 3600 SOA ns hostmaster 1 3600 600 86400 60
@ 3600 NS  ns
ns 3600 A 127.0.0.1
$TTL 60
1.0.0.1 NAPTR 10 10 "u" "E2U+sip"   "!^.*$!sip:1001@pbx.example!" .
2.0.0.1 NAPTR 10 10 "u" "E2U+pjsip" "!^.*$!sip:1002@pbx.example!" .
3.0.0.1 NAPTR 10 10 "u" "E2U+sip"   "!^.*$!sip:1003@pbx.example!" .
3.0.0.1 NAPTR 10 10 "u" "E2U+pjsip" "!^.*$!sip:1003@pbx.example!" .
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
echo "guess:     both versions find E2U+sip by default"
echo "behaviour: 16 looks for sip, 22 for pjsip"

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
case $3 in
16) default=('[1001@pbx.example]' '[]') ;;
22) default=('[]' '[1002@pbx.example]') ;;
esac
number 1001
echo "seen:      E2U+sip:             $got"
[ "$got" = "${default[0]}, with the method sip [1001@pbx.example]" ] || wrong "expected ${default[0]}"
number 1002
echo "seen:      E2U+pjsip:           $got"
[ "$got" = "${default[1]}, with the method sip []" ] || wrong "expected ${default[1]}"
number 1003
echo "seen:      both:                $got"
[ "$got" = '[1003@pbx.example], with the method sip [1003@pbx.example]' ] || wrong "expected both"
got=$(grep -ac enum.c "$root/tmp/log/messages" || true)
echo "seen:      lines of enum.c in the log: $got"
