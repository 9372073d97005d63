#!/bin/sh
# Installs what make bench compares with and asks with, on Debian 12, as root.
# No service is started: the bench starts its servers by itself.
set -eu

die() { echo "install: $*" >&2; exit 1; }

missing=
for p in dnsperf nsd knot bind9 iproute2 nftables util-linux valgrind; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || die "root is needed to install:$missing"
command -v apt-get >/dev/null || die "apt-get is needed to install:$missing"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
apt-get update -q || die "apt-get update does not work: is there a network?"
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing || die "apt-get cannot install:$missing"
