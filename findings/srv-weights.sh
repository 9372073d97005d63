#!/bin/bash
# Software: baresip 1.1.0 (libre 1.1.0), Kamailio 6.0.1 and sipsak 0.9.8.1, all of Debian 13.
#
# Expected: two SRV records of one priority with the weights 10 and 90 share the requests about one
#   to nine (RFC 2782), and two phones do not both choose the same target each time.
# Happens: none of the three shares anything.
#   - sipsak takes the record that comes first in the answer.
#   - Kamailio always takes the higher weight, the first of equal ones. With "dns_srv_lb = yes"
#     alone it does just the same and says nothing; only with "use_dns_failover = yes" too it shares.
#   - baresip sorts by the weight plus a hash of the target's name between 0 and 4095. With 10 and
#     90, and with 90 and 10, it takes the same target, in every new process. 60000 beside 0 is heard.
# Why it matters: a federation that spreads calls by SRV weights (10 for the small server) gets all
#   calls of one kind of client on one server, which may be the small one. Order by priority, or
#   rotate records and weights in the answer.
# Source: RFC 2782, "Weight"; libre src/dns/rrlist.c, sidx(); Kamailio src/core/dns_cache.c, which
#   looks at dns_srv_lb only where failover is on; sipsak takes the first record that it parses.
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
echo "guess:     of 20 requests the weight 10 gets about 2, the weight 90 about 18"
echo "behaviour: all 20 go to one target; which one is not a question of weights"

client() {
    case $1 in
    sipsak) for _ in $(seq 20); do timeout 3 chroot "$root" sipsak -s sip:u@"$2" >/dev/null 2>&1 || true; done ;;
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
        for _ in $(seq 20); do timeout 3 chroot "$root" sipsak -s sip:u@10.99.3.2 >/dev/null 2>&1 || true; done
        kill $kamailio || wrong "Kamailio does not run: $(tail -1 "$root/tmp/kamailio.log")"
        wait $kamailio || true
        ;;
    baresip)
        mkdir -p "$root/tmp/baresip"
        echo "<sip:u@$2>;auth_pass=x;regint=600" >"$root/tmp/baresip/accounts"
        printf '%s\n' 'sip_listen 10.99.3.3:0' 'dns_server 10.99.3.1:53' 'module_path /usr/lib/baresip/modules' \
            'module account.so' 'module_app account.so' 'module g711.so' >"$root/tmp/baresip/config"
        for _ in $(seq 10); do timeout 4 chroot "$root" baresip -f /tmp/baresip -t 1 >"$root/tmp/baresip.log" 2>&1 || true; done
        ;;
    esac
}
# look CLIENT DOMAIN WEIGHT TARGET WEIGHT TARGET: sets got to how many chose the first, the second.
look() {
    printf '_sip._udp.%s. 1 IN SRV 10 %s 5060 %s.\n_sip._udp.%s. 1 IN SRV 10 %s 5060 %s.\n%s. 1 IN A 10.99.3.11\n%s. 1 IN A 10.99.3.12\n' \
        "$2" "$3" "$4" "$2" "$5" "$6" "$4" "$6" >"$root/tmp/zone"
    "$dir/server/server" "$root/tmp/zone" >"$root/tmp/seen" 2>&1 &
    local server=$!
    sleep 0.3
    client "$1" "$2"
    kill $server
    wait $server || true
    got=$(awk '$1 == "count" { print $2 "/" $3 }' "$root/tmp/seen")
    printf 'seen:      %-52s %s\n' "$(printf %b "${1//\\n/ }"): weights $3 and $5 at $2:" "$got"
}
# one EXPECTED CLIENT...: all at the first, or all at the second.
one() {
    local expected=$1
    shift
    look "$@"
    case $expected:$got in first:[1-9]*/0 | second:0/[1-9]*) ;; *) wrong "expected: all at the $expected" ;; esac
}
one first sipsak fed.example 10 a.fed.example 90 b.fed.example
one first sipsak fed.example 90 b.fed.example 10 a.fed.example
one second kamailio fed.example 10 a.fed.example 90 b.fed.example
one first kamailio fed.example 50 a.fed.example 50 b.fed.example
one first 'kamailio dns_srv_lb=yes\n' fed.example 50 a.fed.example 50 b.fed.example
look 'kamailio dns_srv_lb=yes\nuse_dns_failover=yes\n' fed.example 50 a.fed.example 50 b.fed.example
case $got in 0/* | */0) wrong "both should have been chosen" ;; esac
# Which of the two it is may depend on the machine, so: the same whatever the weights are.
for domain in fed.example rev.example; do
    look baresip $domain 10 low.fed.example 90 high.fed.example
    was=$got
    look baresip $domain 90 low.fed.example 10 high.fed.example
    case $got in 0/[1-9]* | [1-9]*/0) ;; *) wrong "expected: all at one" ;; esac
    [ "$was" = "$got" ] || wrong "the weights make a difference"
done
one second baresip fed.example 0 low.fed.example 60000 high.fed.example
