#!/bin/bash
# Software: Asterisk 16.28.0 (Debian 11) and 22.10.1 (Debian unstable).
#
# Expected: a family of Asterisk's internal database is a name. "database deltree user_1",
#   DBdeltree(user_1) and AMI's DBDelTree remove what lies below user_1, as "database get" and
#   "database del" reach the one key that was named.
# Happens: show, showkey and deltree put the family into an SQL LIKE: "_" stands for any
#   character, and letter case is ignored. Removing the family user_1 removes userX1 and USER_1
#   too, and says "3 database entries removed". get, put and del are exact.
# Why it matters: dialplans keep forwards, do-not-disturb and caller names by user in this database,
#   and user names with an underscore are common where users of several systems meet. A user who is
#   removed takes others' settings along.
# Source: Asterisk main/db.c, the statements gettree and deltree (LIKE), get and del (=).
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

touch "$root/tmp/etc/logger.conf"
start func_db
version=$(chroot "$root" asterisk -V)
echo "version:   $version"
[[ $version == "Asterisk $3."* ]] || wrong "another version"
echo "guess:     deltree of user_1 leaves userX1 and USER_1 alone"
echo "behaviour: it removes them too; get and del are exact"

for family in user_1 userX1 USER_1 other; do cli "database put $family forward 1004" >/dev/null; done
got=$(cli 'database get userx1 forward')
echo "seen:      database get userx1 forward: $got"
[ "$got" = 'Database entry not found.' ] || wrong "get ignores the letter case"
got=$(cli 'database show user_1' | awk '/^\// { print $1 }' | sort | xargs)
echo "seen:      database show user_1: $got"
[ "$got" = '/USER_1/forward /userX1/forward /user_1/forward' ] ||
    [ "$got" = '/user_1/forward /USER_1/forward /userX1/forward' ] || wrong "show finds $got"
got=$(cli 'database deltree user_1')
echo "seen:      database deltree user_1: $got"
[ "$got" = '3 database entries removed.' ] || wrong "deltree says $got"
got=$(cli 'database show' | awk '/forward/ { print $1 }' | xargs)
echo "seen:      what is left: $got"
[ "$got" = /other/forward ] || wrong "left are $got"
