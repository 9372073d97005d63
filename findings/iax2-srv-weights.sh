#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable), chan_iax2 with srvlookup.
#
# Expected: of two SRV records of one priority, the one with the weight 49 gets 49 % of the calls and
#   the one with 51 gets 51 %; two equal weights share.
# Happens: the record with 49 gets 96 %, and of two equal ones the first in the answer gets all. The
#   code draws a number up to the sum of the weights and takes the first record whose own weight is
#   not below it, in place of the running sum, and draws again if there is none. So a record that
#   has one of the same or a higher weight before it is never called, and another one gets only
#   what lies above the weights before it: 2 of 51 here.
# Why it matters: a name server that keeps the order of its records sends all IAX2 calls of a
#   federation to one server, and a careful 49 to 51 is as good as none. Rotate the records; res_pjsip
#   has other code.
# Source: RFC 2782, "Weight"; Asterisk main/srv.c, process_weights().
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
            --include="base-files,bash,asterisk=$3,asterisk-modules=$3,nsd,coreutils,python3-minimal" "$2" "$dir/$1" \
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

for n in 1 2 11 12 13 14 15 16; do ip address add 10.99.3.$n/24 dev lo; done
cat >"$root/tmp/etc/extensions.conf" <<'EOF'
[call]
exten => _X.,1,Dial(IAX2/fed@w${EXTEN}.fed.example/1001,1)
EOF
printf '[general]\nsrvlookup = yes\nbindaddr = 10.99.3.2\n' >"$root/tmp/etc/iax.conf"
touch "$root/tmp/etc/logger.conf"
echo 'nameserver 10.99.3.1' >"$root/etc/resolv.conf"
cat >"$root/tmp/fed.zone" <<'EOF'
$ORIGIN fed.example.
@ 60 SOA ns hostmaster 1 3600 600 86400 60
@ 60 NS  ns
ns 60 A 10.99.3.1
a1 60 A 10.99.3.11
b1 60 A 10.99.3.12
a2 60 A 10.99.3.13
b2 60 A 10.99.3.14
a3 60 A 10.99.3.15
b3 60 A 10.99.3.16
_iax._udp.w4951 60 SRV 10 49 4569 a1
_iax._udp.w4951 60 SRV 10 51 4569 b1
_iax._udp.w5050 60 SRV 10 50 4569 a2
_iax._udp.w5050 60 SRV 10 50 4569 b2
_iax._udp.w7030 60 SRV 10 70 4569 a3
_iax._udp.w7030 60 SRV 10 30 4569 b3
EOF
cat >"$root/tmp/nsd.conf" <<'EOF'
server:
  ip-address: 10.99.3.1
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
  name: fed.example
  zonefile: fed.zone
EOF
[ "$3" = 16 ] || sed -i '/database:/d' "$root/tmp/nsd.conf"
chroot "$root" nsd -d -c /tmp/nsd.conf >"$root/tmp/nsd.log" 2>&1 &
# Two silent servers: counts the calls (NEW frames, by source call number) until all have come.
cat >"$root/tmp/servers.py" <<'EOF'
import select, socket, sys, time
servers, calls = {}, {"a": set(), "b": set()}
for name, address in ("a", sys.argv[2]), ("b", sys.argv[3]):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 4569))
    servers[s] = name
end = time.time() + 30
while time.time() < end and sum(map(len, calls.values())) < int(sys.argv[1]):
    for s in select.select(list(servers), [], [], 0.2)[0]:
        d = s.recv(65536)
        if len(d) >= 12 and d[0] & 0x80 and d[10] == 6 and d[11] == 1:
            calls[servers[s]].add(d[:2])
print(len(calls["a"]), len(calls["b"]))
EOF
start pbx_config app_dial res_clioriginate res_timing_timerfd chan_iax2
version=$(chroot "$root" asterisk -V)
echo "version:   $version"
[[ $version == "Asterisk $3."* ]] || wrong "another version"
echo "guess:     49 to 51 is about one to one, and so is 50 to 50"
echo "behaviour: 49 takes nearly all, the first of two equal ones all"
# call WEIGHTS ADDRESS ADDRESS: 40 calls; sets a and b to how many came to each.
call() {
    chroot "$root" python3 /tmp/servers.py 40 "$2" "$3" >"$root/tmp/count" &
    local servers=$!
    sleep 0.5
    for _ in $(seq 40); do cli "channel originate Local/$1@call application Wait 1" >/dev/null; done
    wait $servers
    read -r a b <"$root/tmp/count"
    echo "seen:      weights ${1:0:2} and ${1:2}: $a and $b of 40 calls"
}
call 4951 10.99.3.11 10.99.3.12
[ "$a" -ge 28 ] && [ $((a + b)) -ge 35 ] || wrong "expected about 38 and 2"
call 5050 10.99.3.13 10.99.3.14
[ "$a" -ge 35 ] && [ "$b" = 0 ] || wrong "expected 40 and 0"
call 7030 10.99.3.15 10.99.3.16
[ "$a" -ge 35 ] && [ "$b" = 0 ] || wrong "expected 40 and 0"
