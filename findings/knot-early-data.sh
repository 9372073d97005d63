#!/bin/bash
# Software: Knot DNS 3.4.6 (Debian 13) as a secondary over TLS (RFC 9103); a primary with Go's
#   crypto/tls and miekg/dns v1.1.73.
#
# Expected: a secondary and a primary that both speak TLS 1.3 transfer a zone each time it changes.
# Happens: every second connection fails. Go's server hands out session tickets by default; Knot keeps
#   one, comes back with it and sends its query as early data at once, which the ticket did not
#   offer; Go's server ends the handshake with "client sent unexpected early data". Knot has then no
#   ticket, tries again after its retry time (5 s here), and that works; the next change fails again.
#   With SessionTicketsDisabled not one of the connections fails.
# Why it matters: every change of a zone but the first is late by the retry time of its SOA,
#   often minutes. Each second try works, so it looks like a network that is bad now and then.
#   Whoever serves zone transfers over TLS from Go has to switch tickets off.
# Source: Go crypto/tls/handshake_server_tls13.go, the check of earlyData; RFC 8446 section 4.2.10;
#   Knot DNS NEWS, 3.4.1 (TLS session resumption).
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,knot=3.4.6-2 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    mkdir "$dir/primary"
    cat >"$dir/primary/main.go" <<'EOF'
// A primary at 10.99.1.1:853 over TLS whose zone changes six times; a secondary at 10.99.1.4 is
// notified. The argument "off" switches session tickets off. Prints what went wrong, and a count.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

var serial, connections, failed atomic.Uint32

func soa() dns.RR {
	r, _ := dns.NewRR(fmt.Sprintf("fed.example. 60 SOA ns.fed.example. h.fed.example. %d 3600 5 86400 60", serial.Load()))
	return r
}

func serve(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	m.Answer = []dns.RR{soa()}
	if t := r.Question[0].Qtype; t == dns.TypeAXFR || t == dns.TypeIXFR {
		ns, _ := dns.NewRR("fed.example. 60 NS ns.fed.example.")
		m.Answer = append(m.Answer, ns, soa())
	}
	w.WriteMsg(m)
}

func main() {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pbx-a.example"},
		DNSNames: []string{"pbx-a.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"dot"},
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		SessionTicketsDisabled: os.Args[1] == "off"}
	listener, err := net.Listen("tcp", "10.99.1.1:853")
	if err != nil {
		panic(err)
	}
	serial.Store(1)
	server := &dns.Server{Listener: handshake{listener, config}, Handler: dns.HandlerFunc(serve)}
	go server.ActivateAndServe()

	late := 0
	for range 6 {
		begin := time.Now()
		serial.Add(1)
		for end := begin.Add(12 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if time.Since(begin) < 100*time.Millisecond {
				c := dns.Client{Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(10, 99, 1, 1)}}}
				c.Exchange(new(dns.Msg).SetNotify("fed.example."), "10.99.1.4:53")
			}
			a, err := dns.Exchange(new(dns.Msg).SetQuestion("fed.example.", dns.TypeSOA), "10.99.1.4:53")
			if err == nil && len(a.Answer) == 1 && a.Answer[0].(*dns.SOA).Serial == serial.Load() {
				break
			}
		}
		if time.Since(begin) > time.Second {
			late++
		}
	}
	fmt.Printf("connections %d failed %d changes 6 late %d\n", connections.Load(), failed.Load(), late)
}

// handshake is a listener whose connections have finished their handshake, or are closed.
type handshake struct {
	net.Listener
	config *tls.Config
}

func (h handshake) Accept() (net.Conn, error) {
	for {
		c, err := h.Listener.Accept()
		if err != nil {
			return nil, err
		}
		connections.Add(1)
		t := tls.Server(c, h.config)
		if err := t.Handshake(); err != nil {
			failed.Add(1)
			fmt.Println("handshake:", err)
			t.Close()
			continue
		}
		return t, nil
	}
}
EOF
    (
        cd "$dir/primary"
        export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
        go mod init primary
        go get github.com/miekg/dns@v1.1.73
        go build -o primary .
    ) >"$dir/build.log" 2>&1 || { cat "$dir/build.log" >&2; exit 1; }
    go version >"$dir/go-version"
    # Own network and processes: nothing leaves the machine, and nothing is left running.
    unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir"
    exit
fi

dir=$2 root=$2/root
ip link set lo up
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }

for n in 1 4; do ip address add 10.99.1.$n/32 dev lo; done
version=$(run knotd -V 2>/dev/null)
echo "version:   $version, $(cut -d' ' -f1-3 "$dir/go-version")"
[[ $version == *' 3.4.6' ]] || wrong "another version"
echo "guess:     Knot and Go transfer the zone each time"
echo "behaviour: with session tickets, Go's default, every second connection fails"
cat >"$root/tmp/knot.conf" <<'EOF'
server:
  listen: 10.99.1.4@53
  rundir: /tmp/knot
database:
  storage: /tmp/knot
remote:
  - id: primary
    address: 10.99.1.1@853
    via: 10.99.1.4
    tls: on
acl:
  - id: notify
    address: 10.99.1.1
    action: notify
zone:
  - domain: fed.example
    master: primary
    acl: notify
    zonefile-sync: -1
    zonefile-load: none
    retry-min-interval: 1
EOF
# look on|off: six changes.
look() {
    rm -rf "$root/tmp/knot"
    mkdir "$root/tmp/knot"
    chroot "$root" knotd -c /tmp/knot.conf >"$dir/knot.log" 2>&1 &
    local knot=$!
    sleep 1
    timeout 100 "$dir/primary/primary" $1 >"$dir/seen"
    kill $knot
    wait $knot || true
    sort "$dir/seen" | uniq -c | sed "s/^ */seen:      tickets $1: /"
    grep -oh 'refresh, notifier remote .*failed.*' "$dir/knot.log" | sort | uniq -c | sed "s/^ */seen:      tickets $1, Knot: /" || true
    read -r _ connections _ failed _ _ _ late < <(grep ^connections "$dir/seen")
}
look on
grep -q 'handshake: tls: client sent unexpected early data' "$dir/seen" || wrong "no early data"
[ $failed -ge 2 ] && [ $late -ge 2 ] || wrong "$failed of $connections connections failed, $late changes were late"
look off
# Under load the first change may come before Knot listens.
[ $failed = 0 ] && [ $late -le 1 ] || wrong "$failed of $connections connections failed, $late changes were late"
