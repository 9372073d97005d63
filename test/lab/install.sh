#!/bin/sh
# Installs what the laboratory needs on Debian 12, as root: packages, and in
# .cache/ a root file system each for Asterisk 16 (from Debian 11) and 22 (from
# Debian unstable). What is there already is left alone.
set -eu
cd "$(dirname "$0")/../.."

say() { echo "install: $*"; }
die() { echo "install: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "root is needed, for packages and for network namespaces"
command -v apt-get >/dev/null || die "apt-get is needed: this sets up Debian 12"
grep -q '\boverlay$' /proc/filesystems || modprobe overlay 2>/dev/null || die "the kernel has no overlay file system"

missing=
for p in mmdebstrap sip-tester bind9 bind9-dnsutils nsd knot unbound iproute2 nftables serf procps openssl debian-archive-keyring; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
if [ -n "$missing" ]; then
    say "packages:$missing"
    # The tests start what they need by themselves: no package begins a service.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get update -q || die "apt-get update does not work: is there a network?"
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing ||
        die "apt-get cannot install:$missing"
fi

# The archive that this machine's apt uses, without that of security updates.
archive() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }'
}

# asterisk VERSION SUITE [OPTION...]: one root file system, in a folder beside
# the final one, so that an interrupted run leaves nothing that looks complete.
asterisk() {
    version=$1 suite=$2
    shift 2
    dir=.cache/asterisk-$version
    if [ -d "$dir" ]; then
        say "Asterisk $version is in $dir"
        return
    fi
    from=$(archive)
    [ -n "$from" ] || die "apt's configuration names no Debian archive"
    say "Asterisk $version from Debian $suite, about a minute"
    rm -rf "$dir".part
    mkdir -p .cache
    mmdebstrap --quiet --variant=apt --mode=root "$@" \
        --aptopt='APT::Install-Recommends "false"' \
        --include=asterisk,asterisk-modules "$suite" "$dir".part \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from $suite main" ||
        { rm -rf "$dir".part; die "mmdebstrap cannot make $dir from $suite"; }
    got=$(chroot "$dir".part asterisk -V) || die "Asterisk in $dir does not run"
    case $got in
    "Asterisk $version."*) ;;
    *) rm -rf "$dir".part; die "Debian $suite has $got, not version $version" ;;
    esac
    mv "$dir".part "$dir"
    say "$got is in $dir"
}

asterisk 16 bullseye
asterisk 22 sid --aptopt='Acquire::Check-Valid-Until "false"'
