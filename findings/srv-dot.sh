#!/bin/bash
# Software: Kamailio 6.0.1, sipsak 0.9.8.1 and baresip 1.1.0, all of Debian 13.
#
# Expected: an SRV record whose target is "." says that the domain offers no such service (RFC 2782): no
#   request is sent. One whose target has no address is a failure too: address records of the domain
#   itself are for domains without SRV records (RFC 3263).
# Happens: Kamailio and sipsak take "." for "there is no SRV record" and send the request to the
#   domain's own address, port 5060. Kamailio does so as well when the target has no address.
#   baresip sends nothing in either case (and asks the DNS for the address of the root).
# Why it matters: "_sip._udp SRV 0 0 0 ." is how a member of a federation takes its SIP service out of
#   use. Its calls then arrive at its web server, or at whoever has that address, and time out instead
#   of failing at once.
# Source: RFC 2782 ("Target"); RFC 3263 section 4.2; Kamailio src/core/dns_cache.c and resolve.c,
#   where a failed SRV look-up is followed by one for A.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,baresip-core=1.1.0-3,kamailio=6.0.1-1+deb13u1,sipsak=0.9.8.1-1+b2 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    mkdir "$dir/server"
    cat >"$dir/server/main.go" <<'EOF'
// ZONEFILE: a DNS server at 10.99.3.1 that keeps the order of the file; SIP servers at 10.99.3.11
// and 10.99.3.12 that answer 200. SIGTERM: prints how many dialogs each of them has seen.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/miekg/dns"
)

var (
	mu    sync.Mutex
	first = map[string]string{} // Call-ID to address
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	var zone []dns.RR
	parser := dns.NewZoneParser(file, ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		zone = append(zone, rr)
	}
	server := &dns.Server{Addr: "10.99.3.1:53", Net: "udp", Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		for _, rr := range zone {
			if h := rr.Header(); strings.EqualFold(h.Name, r.Question[0].Name) && h.Rrtype == r.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		fmt.Println("asked", r.Question[0].Name)
		w.WriteMsg(m)
	})}
	go server.ListenAndServe()
	for _, a := range []string{"10.99.3.11", "10.99.3.12"} {
		c, err := net.ListenPacket("udp", a+":5060")
		if err != nil {
			panic(err)
		}
		go answer(a, c)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	mu.Lock()
	n := map[string]int{}
	for _, a := range first {
		n[a]++
	}
	fmt.Println("count", n["10.99.3.11"], n["10.99.3.12"])
}

func answer(address string, c net.PacketConn) {
	b := make([]byte, 65536)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		out := "SIP/2.0 200 OK\r\n"
		for _, l := range strings.Split(string(b[:n]), "\r\n")[1:] {
			switch name, _, _ := strings.Cut(strings.ToLower(l), ":"); name {
			case "call-id", "i":
				mu.Lock()
				if first[l] == "" {
					first[l] = address
				}
				mu.Unlock()
				out += l + "\r\n"
			case "to", "t":
				out += l + ";tag=1\r\n"
			case "via", "v", "from", "f", "cseq", "contact", "m":
				out += l + "\r\n"
			}
		}
		c.WriteTo([]byte(out+"Content-Length: 0\r\n\r\n"), from)
	}
}
EOF
    (
        cd "$dir/server"
        export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
        go mod init server
        go get github.com/miekg/dns@v1.1.73
        go build -o server .
    ) >"$dir/build.log" 2>&1 || { cat "$dir/build.log" >&2; exit 1; }
    # Own network and processes: nothing leaves the machine, and nothing is left running.
    unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir"
    exit
fi

dir=$2 root=$2/root
ip link set lo up
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }
for n in 1 2 3 11 12; do ip address add 10.99.3.$n/24 dev lo; done
ip route add default dev lo # some clients want one before they begin
mount -t proc proc "$root/proc"
echo 'nameserver 10.99.3.1' >"$root/etc/resolv.conf"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo "10.99.3.2 localhost $(hostname)" >"$root/etc/hosts"
versions="$(run baresip -h 2>&1 | grep -o 'baresip v[0-9.]*'), $(run kamailio -v | grep -o 'kamailio [0-9.]*'), $(run sipsak -V | grep -o 'sipsak [0-9.]*')"
echo "version:   $versions"
[ "$versions" = 'baresip v1.1.0, kamailio 6.0.1, sipsak 0.9.8.1' ] || wrong "other versions"
echo "guess:     the target . and a target without address mean that nothing is sent"
echo "behaviour: Kamailio and sipsak send to the address of the domain"

client() {
    case $1 in
    sipsak) for _ in $(seq 3); do timeout 3 chroot "$root" sipsak -s sip:u@"$2" >/dev/null 2>&1 || true; done ;;
    kamailio*)
        # Each OPTIONS that sipsak sends to it goes on to the domain.
        {
            printf 'children=1\ndisable_tcp=yes\nlisten=udp:10.99.3.2:5060\nlog_stderror=yes\n%b' "${1#kamailio}"
            printf 'mpath="/%s"\nloadmodule "tm.so"\nloadmodule "pv.so"\n' \
                "$(cd "$root" && find usr/lib -path '*kamailio/modules')"
            printf 'request_route { $ru = "sip:x@%s"; t_relay(); }\n' "$2"
        } >"$root/tmp/kamailio.cfg"
        chroot "$root" kamailio -DD -E -f /tmp/kamailio.cfg >"$root/tmp/kamailio.log" 2>&1 &
        local kamailio=$!
        sleep 1.5
        for _ in $(seq 3); do timeout 3 chroot "$root" sipsak -s sip:u@10.99.3.2 >/dev/null 2>&1 || true; done
        kill $kamailio || wrong "Kamailio does not run: $(tail -1 "$root/tmp/kamailio.log")"
        wait $kamailio || true
        ;;
    baresip)
        mkdir -p "$root/tmp/baresip"
        echo "<sip:u@$2>;auth_pass=x;regint=600" >"$root/tmp/baresip/accounts"
        printf '%s\n' 'sip_listen 10.99.3.3:0' 'dns_server 10.99.3.1:53' 'module_path /usr/lib/baresip/modules' \
            'module account.so' 'module_app account.so' 'module g711.so' >"$root/tmp/baresip/config"
        for _ in $(seq 3); do timeout 4 chroot "$root" baresip -f /tmp/baresip -t 1 >"$root/tmp/baresip.log" 2>&1 || true; done
        ;;
    esac
}
cat >"$root/tmp/zone" <<'EOF'
_sip._udp.left.example.  1 IN SRV 0 0 0 .
_sip._tcp.left.example.  1 IN SRV 0 0 0 .
_sips._tcp.left.example. 1 IN SRV 0 0 0 .
left.example.            1 IN A 10.99.3.11
_sip._udp.lost.example.  1 IN SRV 0 0 5060 nobody.example.
lost.example.            1 IN A 10.99.3.11
_sip._udp.fed.example.   1 IN SRV 0 0 5060 b.example.
b.example.               1 IN A 10.99.3.12
fed.example.             1 IN A 10.99.3.11
EOF
# look CLIENT DOMAIN EXPECTED: how many of three requests reach the domain's address, and the target's.
look() {
    "$dir/server/server" "$root/tmp/zone" >"$root/tmp/seen" 2>&1 &
    local server=$!
    sleep 0.3
    client "$1" "$2"
    kill $server
    wait $server || true
    got=$(awk '$1 == "count" { print $2 "/" $3 }' "$root/tmp/seen")
    echo "seen:      $1, $2: $got"
    [ "$got" = "$3" ] || wrong "expected $3"
}
echo "seen:      requests at the domain's address / at the SRV target, of three"
for client in kamailio sipsak baresip; do look $client fed.example 0/3; done
look kamailio left.example 3/0
look sipsak left.example 3/0
look baresip left.example 0/0
look kamailio lost.example 3/0
look sipsak lost.example 0/0
look baresip lost.example 0/0
