#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable).
#
# Expected: an extension is matched character by character: "anna-b" and "annab" are two users,
#   and the pattern "_user-." is for what begins with "user-".
# Happens: a hyphen in an extension, in a pattern and in what is dialled counts for nothing,
#   wherever it stands: a call to "annab" runs the extension "anna-b", "an-nab" does too, and
#   "_user-." takes "userx". A second extension that differs in a hyphen alone is refused at load
#   as already there. ${EXTEN} keeps what was dialled, so what the dialplan does next with it
#   (a Dial to that endpoint, a database key) is about another user than the one who was matched.
# Why it matters: user names with hyphens are ordinary in SIP and in DNS, and names like
#   "pickup-1001" are what systems call each other by. An extension for one user answers for
#   another; a prefix with a hyphen does not keep ordinary names out.
# Source: Asterisk main/pbx.c, ext_cmp(), ext_strncmp() and _extension_match_core(), which skip '-'.
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
            --include="base-files,bash,asterisk=$3,asterisk-modules=$3" "$2" "$dir/$1" \
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
[users]
exten => anna-b,1,Log(NOTICE,anna-b runs for ${EXTEN})
exten => 1004,1,Log(NOTICE,1004 runs for ${EXTEN})
exten => _user-.,1,Log(NOTICE,_user-. runs for ${EXTEN})

[twins]
exten => carl,1,NoOp()
exten => ca-rl,1,NoOp()
EOF
printf '[logfiles]\nmessages => notice,warning,error\n' >"$root/tmp/etc/logger.conf"
start pbx_config app_verbose res_clioriginate
version=$(chroot "$root" asterisk -V)
echo "version:   $version"
[[ $version == "Asterisk $3."* ]] || wrong "another version"
echo "guess:     anna-b and annab are different extensions"
echo "behaviour: hyphens count for nothing, and EXTEN keeps them"

# dialled EXTENSION RUN: it runs what RUN says.
dialled() {
    cli "channel originate Local/$1@users application Wait 1" >/dev/null
    for _ in $(seq 20); do
        got=$(grep -ao "[^ ]* runs for $1\$" "$root/tmp/log/messages") && break
        sleep 0.1
    done
    echo "seen:      dialled $1: ${got:-nothing runs}"
    [ "$got" = "$2 runs for $1" ] || wrong "expected $2"
}
dialled annab anna-b
dialled an-nab anna-b
dialled 10-04 1004
dialled userx _user-.
got=$(grep -ao "Unable to register extension 'ca-rl'.*already in use.*" "$root/tmp/log/messages" || true)
echo "seen:      at load: ${got:-nothing}"
[ -n "$got" ] || wrong "carl and ca-rl are both loaded"
