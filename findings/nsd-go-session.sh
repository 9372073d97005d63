#!/bin/bash
# Software: NSD 4.12.0 (Debian 13) as a primary over mutual TLS (RFC 9103); a client with Go's crypto/tls
#   and miekg/dns v1.1.73.
#
# Expected: a client that keeps TLS sessions (tls.Config.ClientSessionCache) transfers a zone as often as
#   it likes, the second time with a shorter handshake.
# Happens: on the port that asks for client certificates (tls-auth-port) the first connection works and
#   gets a session ticket; the second, which offers it, ends in "remote error: tls: internal error".
#   That has used up the ticket, so the third works, the fourth fails, and so on. NSD logs "session
#   id context uninitialized". On its other TLS port the session is resumed, and without a cache all
#   work.
# Why it matters: it looks like a certificate that is refused now and then. A client of zone transfers
#   over TLS must not keep sessions.
# Source: OpenSSL, SSL_CTX_set_session_id_context(3): a server that asks for client certificates has to
#   set the context, or resuming is an error; NSD server.c, server_tls_ctx_create().
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,nsd=4.12.0-1 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    mkdir "$dir/client"
    cat >"$dir/client/main.go" <<'EOF'
// make FOLDER: a CA and a certificate for both sides. get FOLDER ADDRESS CACHE: four transfers.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func write(name, kind string, der []byte) {
	must(0, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644))
}

func certificates(folder string) {
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	write(filepath.Join(folder, "ca.pem"), "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)))
	for n, name := range []string{"server", "client"} {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(n + 2)), Subject: pkix.Name{CommonName: name},
			DNSNames: []string{name + ".fed.example"}, NotAfter: time.Now().Add(time.Hour)}
		write(filepath.Join(folder, name+".pem"), "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)))
		write(filepath.Join(folder, name+".key"), "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
	}
}

func transfer(address string, config *tls.Config) string {
	c, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	conn := &dns.Conn{Conn: c}
	if err := conn.WriteMsg(new(dns.Msg).SetAxfr("fed.example.")); err != nil {
		return err.Error()
	}
	m, err := conn.ReadMsg()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s, %d records, resumed %v", dns.RcodeToString[m.Rcode], len(m.Answer), c.ConnectionState().DidResume)
}

func main() {
	folder := os.Args[2]
	if os.Args[1] == "make" {
		certificates(folder)
		return
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(filepath.Join(folder, "ca.pem"))))
	config := &tls.Config{RootCAs: roots, ServerName: "server.fed.example", NextProtos: []string{"dot"},
		Certificates: []tls.Certificate{must(tls.LoadX509KeyPair(filepath.Join(folder, "client.pem"), filepath.Join(folder, "client.key")))}}
	if os.Args[4] == "cache" {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(10)
	}
	for range 4 {
		fmt.Println(transfer(os.Args[3], config))
	}
}
EOF
    (
        cd "$dir/client"
        export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
        go mod init client
        go get github.com/miekg/dns@v1.1.73
        go build -o client .
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

ip address add 10.99.1.1/32 dev lo
version=$(run nsd -v 2>&1 | head -1 || true)
echo "version:   $version, $(cut -d' ' -f1-3 "$dir/go-version")"
[ "$version" = 'NSD version 4.12.0' ] || wrong "another version"
echo "guess:     a Go client with a session cache transfers each time"
echo "behaviour: every second time, where a client certificate is asked for"
"$dir/client/client" make "$root/tmp"
printf '%s\n' '$ORIGIN fed.example.' '@ 60 SOA ns hostmaster 1 3600 600 86400 60' '@ 60 NS ns' 'ns 60 A 10.99.1.1' >"$root/tmp/fed.zone"
cat >"$root/tmp/nsd.conf" <<'EOF'
server:
  ip-address: 10.99.1.1@853
  ip-address: 10.99.1.1@8853
  tls-port: 853
  tls-auth-port: 8853
  tls-service-key: "/tmp/server.key"
  tls-service-pem: "/tmp/server.pem"
  tls-cert-bundle: "/tmp/ca.pem"
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
run nsd -d -c /tmp/nsd.conf >"$dir/nsd.log" 2>&1 &
for _ in $(seq 50); do (exec 3<>/dev/tcp/10.99.1.1/8853) 2>/dev/null && break; sleep 0.2; done
# look WHAT PORT CACHE EXPECTED...: the four results.
look() {
    "$dir/client/client" get "$root/tmp" "10.99.1.1:$2" "$3" >"$dir/seen"
    sed "s/^/seen:      $1: /" "$dir/seen"
    shift 3
    diff <(printf '%s\n' "$@") "$dir/seen" >&2 || wrong "expected $*"
}
good='NOERROR, 4 records, resumed false'
kept='NOERROR, 4 records, resumed true'
bad='remote error: tls: internal error'
look 'no client certificate asked for, cache' 853 cache "$good" "$kept" "$kept" "$kept"
look 'client certificate asked for, no cache' 8853 none "$good" "$good" "$good" "$good"
look 'client certificate asked for, cache' 8853 cache "$good" "$bad" "$good" "$bad"
grep -o 'session id context uninitialized' "$dir/nsd.log" | sort | uniq -c | sed 's/^ */seen:      NSD: /'
