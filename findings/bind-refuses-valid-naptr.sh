#!/bin/bash
# Software: BIND 9.20.30 (named, named-checkzone, dig), with NSD 4.12.0 as primary; all of Debian 13.
#
# Expected: to a DNS server the regexp of a NAPTR record is text. named-checkzone might warn;
#   a secondary, a forwarder and dig pass on what the primary has sent.
# Happens: BIND parses the regexp wherever it reads a NAPTR, from a file and from the wire, with a
#   parser of its own that refuses valid ones: a hyphen that ends a bracket expression stands for
#   itself (POSIX.1-2017, 9.3.5), which BIND takes in "[0-9a-]" but not in "[a-z-]", where a range
#   comes before it. One such record among all the numbers of a zone, and the file does not load,
#   a secondary transfers nothing at all, a forwarder answers SERVFAIL for the name, and dig shows
#   no record.
# Why it matters: where several phone systems share an ENUM zone, one rule of one of them for user
#   names of letters and hyphens takes all numbers away from whoever asks a BIND secondary, while
#   NSD, Knot and Asterisk are content. Write the hyphen first: "[-a-z]".
# Source: BIND, lib/dns/rdata.c, txt_valid_regex(), called by fromtext_naptr() and fromwire_naptr();
#   RFC 3402 section 3.2 (the regexp is a POSIX extended regular expression).
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,nsd=4.12.0-1,bind9=1:9.20.30-1~deb13u1,bind9-utils=1:9.20.30-1~deb13u1 \
        --include=bind9-dnsutils=1:9.20.30-1~deb13u1,knot-dnssecutils=3.4.6-2 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    # Own network and processes: nothing leaves the machine, and nothing is left running.
    unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir"
    exit
fi

root=$2/root
ip link set lo up
for n in 1 2 3; do ip address add 10.99.1.$n/32 dev lo; done
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }

echo "version:   $(run named -v), $(run nsd -v 2>&1 | head -1)"
[[ $(run named -v) == 'BIND 9.20.30-'* ]] || wrong "another version of BIND"
echo "guess:     the regexp of a NAPTR is opaque to a DNS server"
echo "behaviour: BIND refuses a valid one wherever it meets it, and with it the whole zone"

# zone REGEXP: a zone with one ordinary number, and one with the regexp.
zone() {
    cat >"$root/tmp/fed.zone" <<EOF
\$ORIGIN fed.example.
@            3600 SOA ns hostmaster 1 3600 600 86400 60
@            3600 NS  ns
ns           3600 A   10.99.1.1
4.0.0.1.e164 60   NAPTR 100 10 "u" "E2U+sip" "!^.*\$!sip:1004@pbx-a.example!" .
5.0.0.1.e164 60   NAPTR 100 10 "u" "E2U+sip" "$1" .
EOF
}
check() {
    zone "$1"
    bind=refused nsd=refused knot=refused
    run named-checkzone -q fed.example /tmp/fed.zone && bind=taken
    run nsd-checkzone fed.example /tmp/fed.zone >/dev/null 2>&1 && nsd=taken
    run kzonecheck -o fed.example /tmp/fed.zone >/dev/null 2>&1 && knot=taken
    printf 'seen:      %-34s BIND %-8s NSD %-8s Knot %s\n' "$1" $bind $nsd $knot
    [ "$bind $nsd $knot" = "$2 taken taken" ] || wrong "$1: expected BIND: $2, others: taken"
    # The C library takes it as an extended regular expression.
    pattern=${1#!} pattern=${pattern%%!*}
    echo alice-b | grep -qE "$pattern" || wrong "grep -E does not match $pattern"
}
check '!^[0-9a-z]+-b$!sip:1@pbx-a.example!' taken
check '!^[-a-z]+$!sip:1@pbx-a.example!' taken
check '!^[aliceb-]+$!sip:1@pbx-a.example!' taken
check '!^[a-z-]+$!sip:1@pbx-a.example!' refused

# The last one again, at a primary that serves it, a secondary and a forwarder.
mkdir -p "$root/tmp/sec" "$root/tmp/fwd"
cat >"$root/tmp/nsd.conf" <<'EOF'
server:
  ip-address: 10.99.1.1
  username: ""
  zonesdir: "/tmp"
  pidfile: ""
  xfrdfile: ""
  zonelistfile: "/tmp/zone.list"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: fed.example
  zonefile: fed.zone
  provide-xfr: 10.99.1.0/24 NOKEY
EOF
cat >"$root/tmp/sec/named.conf" <<'EOF'
options { directory "/tmp/sec"; listen-on { 10.99.1.2; }; listen-on-v6 { none; };
          pid-file none; session-keyfile none; recursion no; };
zone fed.example { type secondary; primaries { 10.99.1.1; }; transfer-source 10.99.1.2; };
controls { };
EOF
cat >"$root/tmp/fwd/named.conf" <<'EOF'
options { directory "/tmp/fwd"; listen-on { 10.99.1.3; }; listen-on-v6 { none; };
          pid-file none; session-keyfile none; dnssec-validation no; allow-query { any; };
          forward only; forwarders { 10.99.1.1; }; };
controls { };
EOF
run nsd -d -c /tmp/nsd.conf >"$root/tmp/nsd.log" 2>&1 &
run named -g -c /tmp/sec/named.conf >"$root/tmp/sec.log" 2>&1 &
run named -g -c /tmp/fwd/named.conf >"$root/tmp/fwd.log" 2>&1 &
dig() { run dig +tries=1 +timeout=3 +noedns "$@" 2>&1 || true; }
until_() { for _ in $(seq 100); do eval "$1" && return; sleep 0.1; done; wrong "waited in vain for: $1"; }
until_ 'dig @10.99.1.1 fed.example SOA +short | grep -q hostmaster'
until_ 'grep -q "running" "$root/tmp/fwd.log" && grep -q "Transfer status" "$root/tmp/sec.log"'

status=$(grep -o 'Transfer status: .*' "$root/tmp/sec.log" | head -1)
echo "seen:      secondary: $status; $(grep -o "failed while receiving responses: .*" "$root/tmp/sec.log" | head -1)"
[[ $status == *'syntax error'* || $status == *FORMERR* ]] || wrong "the secondary's transfer status is: $status"
good=$(dig @10.99.1.2 4.0.0.1.e164.fed.example NAPTR | grep -o 'status: [A-Z]*')
echo "seen:      secondary, the ordinary number: $good"
[ "$good" = "status: SERVFAIL" ] || wrong "the secondary answers for the ordinary number: $good"
for n in 4 5; do
    got=$(dig @10.99.1.3 $n.0.0.1.e164.fed.example NAPTR | grep -o 'status: [A-Z]*')
    echo "seen:      forwarder, $n.0.0.1.e164: $got"
    eval "got$n=\$got"
done
[ "$got4 $got5" = "status: NOERROR status: SERVFAIL" ] || wrong "the forwarder answers otherwise"
got=$(dig @10.99.1.1 5.0.0.1.e164.fed.example NAPTR | grep -iE 'bad packet|NAPTR.*E2U' | head -1)
echo "seen:      dig at the primary: $got"
[[ $got == *'bad packet'* ]] || wrong "dig says: $got"
