#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable), function ENUMLOOKUP.
#
# Expected: a regexp that ends in the flag "i" (letter case is ignored) gives the URI that stands in
#   it; a service field that names two Enumservices, "E2U+sip+voice:tel", is found by each of them.
# Happens: Asterisk knows no flag. Its parser takes the last delimiter for a part of the URI, so
#   "!^.*$!sip:1002@pbx.example!i" gives "1002@pbx.example!", a host that no DNS server has; the same
#   record without the flag gives the right one, and the log has no line about it. The service field
#   is compared as a whole: "E2U+sip+voice:tel" is not found by the method sip, only by ALL.
# Why it matters: both are allowed, other clients and check tools take them, and a number in the
#   public tree or of another member may have them. The call fails as if the host were missing.
# Source: RFC 3402 section 3.2 (flags); RFC 6116, service-field (several Enumservices);
#   Asterisk main/enum.c, parse_naptr() and enum_callback().
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
exten => _X.,1,Set(url=${ENUMLOOKUP(${EXTEN},sip,,1,e164.fed.example.)})
 same => n,Log(NOTICE,number ${EXTEN} gives [${url}], by ALL [${ENUMLOOKUP(${EXTEN},ALL,u,1,e164.fed.example.)}])
EOF
printf '[logfiles]\nmessages => notice,warning,error\n' >"$root/tmp/etc/logger.conf"
touch "$root/tmp/etc/enum.conf"
cat >"$root/tmp/fed.zone" <<'EOF'
$ORIGIN e164.fed.example.
@ 3600 SOA ns hostmaster 1 3600 600 86400 60
@ 3600 NS  ns
ns 3600 A 127.0.0.1
$TTL 60
1.0.0.1 NAPTR 10 10 "u" "E2U+sip"           "!^.*$!sip:1001@pbx.example!" .
2.0.0.1 NAPTR 10 10 "u" "E2U+sip"           "!^.*$!sip:1002@pbx.example!i" .
3.0.0.1 NAPTR 10 10 "u" "E2U+sip+voice:tel" "!^.*$!sip:1003@pbx.example!" .
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
echo "guess:     the flag i and a second Enumservice change nothing"
echo "behaviour: the URI gets a delimiter, and the record is not found"

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
number 1001
echo "seen:      \"E2U+sip\", without flag:  $got"
[ "$got" = '[1001@pbx.example], by ALL [sip:1001@pbx.example]' ] || wrong "the ordinary record"
number 1002
echo "seen:      \"E2U+sip\", flag i:        $got"
[ "$got" = '[1002@pbx.example!], by ALL [sip:1002@pbx.example!]' ] || wrong "expected a delimiter"
number 1003
echo "seen:      \"E2U+sip+voice:tel\":      $got"
[ "$got" = '[], by ALL [sip:1003@pbx.example]' ] || wrong "expected nothing by sip"
got=$(grep -ac enum.c "$root/tmp/log/messages" || true)
echo "seen:      lines of enum.c in the log: $got"
[ "$got" = 0 ] || wrong "$(grep -a enum.c "$root/tmp/log/messages" | head -1)"
