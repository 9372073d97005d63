#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable), res_config_curl.
#
# Expected: "httptimeout = 2000" in res_curl.conf waits two seconds for a silent server: the sample
#   file of version 22 says that the option is in milliseconds with any libcurl after 7.16.2 (2007).
# Happens: it is in seconds, in both versions, with libcurl 7.74 and 8: 2000 waits more than half an
#   hour, 2 waits two seconds. Fractions are taken: 0.5 is half a second.
# Why it matters: the option bounds HTTP realtime (res_config_curl), so a server for accounts that is
#   silent stops every REGISTER and call for as long. Who writes 500 as the sample says has switched
#   the time limit off, and notices when the server hangs for the first time.
# Source: Asterisk funcs/func_curl.c, parse_curlopt_key() (the value is multiplied by 1000);
#   configs/samples/res_curl.conf.sample, which is /etc/asterisk/res_curl.conf here.
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
            --include="base-files,bash,asterisk=$3,asterisk-modules=$3,python3-minimal" "$2" "$dir/$1" \
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
exten => s,1,Log(NOTICE,asks)
 same => n,Set(answer=${CURL(http://127.0.0.1:8199/)})
 same => n,Log(NOTICE,goes on)
EOF
printf '[logfiles]\nmessages => notice,warning,error\n' >"$root/tmp/etc/logger.conf"
# A web server that takes the connection and says nothing.
cat >"$root/tmp/silent.py" <<'EOF'
import socket
s = socket.create_server(("127.0.0.1", 8199))
kept = []
while True:
    kept.append(s.accept())
EOF
chroot "$root" python3 /tmp/silent.py &
version=$(chroot "$root" asterisk -V)
curl=$(cd "$root" && find usr/lib -name 'libcurl*.so.4.*' | sed 's/.*so\.4\.//' | head -1)
echo "version:   $version, libcurl.so.4.$curl"
[[ $version == "Asterisk $3."* ]] || wrong "another version"
echo "guess:     2000 is two seconds, as the sample says"
echo "behaviour: 2 is, and 2000 is more than half an hour"
grep -A2 -h '^;httptimeout' "$root/etc/asterisk/res_curl.conf" | sed 's/^/seen:      sample: /' || true

# waits VALUE: for how many tenths of a second the call is held up, at most 60.
waits() {
    printf '[globals]\nhttptimeout = %s\n' "$1" >"$root/tmp/etc/res_curl.conf"
    rm -f "$root"/tmp/log/messages
    chroot "$root" asterisk -f -C /tmp/etc/asterisk.conf >"$root/tmp/asterisk.log" 2>&1 &
    local asterisk=$! tenths
    for _ in $(seq 100); do cli 'core waitfullybooted' | grep -q 'fully booted' && break; sleep 0.2; done
    cli 'channel originate Local/s@look application Wait 1' >/dev/null
    for _ in $(seq 100); do grep -aqs asks "$root/tmp/log/messages" && break; sleep 0.05; done
    local begin=${EPOCHREALTIME/./}
    while grep -aqs asks "$root/tmp/log/messages"; do
        tenths=$(((${EPOCHREALTIME/./} - begin) / 100000))
        if grep -aq 'goes on' "$root/tmp/log/messages" || [ $tenths -ge 60 ]; then break; fi
        sleep 0.05
    done
    kill -9 $asterisk
    wait $asterisk 2>/dev/null || true
    got=${tenths:-none}
}
{ echo "[modules]"; echo "autoload = no"; printf 'load = %s.so\n' pbx_config app_verbose res_clioriginate res_curl func_curl res_config_curl; } >"$root/tmp/etc/modules.conf"
# expect VALUE FROM TO
expect() {
    waits "$1"
    [ "$got" = 60 ] && said='still waiting after 6 s' || said="$((got / 10)).$((got % 10)) s"
    echo "seen:      httptimeout = $1: $said"
    [ "$got" -ge $2 ] && [ "$got" -le $3 ] || wrong "expected $2 to $3 tenths"
}
expect 2 15 45
expect 0.5 2 14
expect 2000 60 60
