#!/bin/bash
# Software: BIND 9.20.30, NSD 4.12.0 and Knot DNS 3.4.6 as secondaries, all of Debian 13; a primary
#   made with miekg/dns v1.1.73.
#
# Expected: an IXFR that does not fit exactly is the primary's fault: all three notice it and ask for
#   the whole zone, or all three put up with it.
# Happens: each has its own idea of what fits.
#   - A record is added that is there already: BIND takes it; NSD and Knot drop the IXFR and
#     transfer the whole zone.
#   - A record is deleted with another TTL than it has: BIND drops the IXFR and transfers the whole
#     zone; NSD and Knot delete it.
#   - A record with another TTL is added to a name that has one: BIND transfers the whole zone; NSD
#     serves two TTLs in one RRset; Knot changes the TTL of the one that was there, which the
#     primary never said.
#   - Letter case of the owner differs: all three delete it.
# Why it matters: a primary that publishes registrations changes TTLs, repeats records and deletes
#   what has expired, all in deltas. What one secondary takes for months makes another transfer the
#   whole zone for each change, and nobody sees it but in its log; with NSD and Knot the TTL that
#   callers see depends on which of them they ask.
# Source: RFC 1995 section 4 and RFC 2181 section 5.2, which leave it open; the log lines shown.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "root is needed, for mmdebstrap and for namespaces" >&2; exit 2; }
    dir=$(mktemp -d)
    trap 'rm -rf --one-file-system "$dir"' EXIT
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
    mmdebstrap --quiet --variant=extract --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include=base-files,bash,bind9=1:9.20.30-1~deb13u1,nsd=4.12.0-1,knot=3.4.6-2 \
        trixie "$dir/root" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main"
    mkdir "$dir/primary"
    cat >"$dir/primary/main.go" <<'EOF'
// A primary at 10.99.1.1 for secondaries at .2, .3 and .4: a zone of serial 1, then for each case a
// fresh zone by AXFR, and one IXFR from it. Prints what each secondary asked, and what it has then.
package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

var (
	names = []string{"BIND", "NSD", "Knot"}
	mu    sync.Mutex
	now   = uint32(1)           // the zone's serial
	delta []string              // the IXFR from now-1 to now, "-" deletes; nil is none
	asked = map[string]string{} // by address
)

func rr(s string) dns.RR {
	r, err := dns.NewRR(s)
	if err != nil {
		panic(err)
	}
	return r
}

func soa(serial uint32) dns.RR {
	return rr(fmt.Sprintf("fed.example. 3600 SOA ns.fed.example. h.fed.example. %d 3600 600 86400 60", serial))
}

func serve(w dns.ResponseWriter, r *dns.Msg) {
	mu.Lock()
	defer mu.Unlock()
	from, _, _ := net.SplitHostPort(w.RemoteAddr().String())
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	add := func(s ...string) {
		for _, s := range s {
			m.Answer = append(m.Answer, rr(s))
		}
	}
	switch t := r.Question[0].Qtype; t {
	case dns.TypeSOA:
		m.Answer = []dns.RR{soa(now)}
	case dns.TypeIXFR, dns.TypeAXFR:
		asked[from] += dns.TypeToString[t] + " "
		m.Answer = []dns.RR{soa(now)}
		if t == dns.TypeIXFR && delta != nil {
			m.Answer = append(m.Answer, soa(now-1))
			for _, d := range delta {
				if d, ok := strings.CutPrefix(d, "-"); ok {
					add(d)
				}
			}
			m.Answer = append(m.Answer, soa(now))
			for _, d := range delta {
				if !strings.HasPrefix(d, "-") {
					add(d)
				}
			}
		} else {
			add("fed.example. 3600 NS ns.fed.example.", "ns.fed.example. 3600 A 10.99.1.1", `x.fed.example. 60 TXT "one"`)
		}
		m.Answer = append(m.Answer, soa(now))
	}
	w.WriteMsg(m)
}

func ask(n int, name string, t uint16) []dns.RR {
	a, err := dns.Exchange(new(dns.Msg).SetQuestion(name, t), fmt.Sprintf("10.99.1.%d:53", n+2))
	if err != nil {
		return nil
	}
	return a.Answer
}

// publish sets the zone and waits until all secondaries have it.
func publish(d []string) {
	mu.Lock()
	now++
	delta = d
	clear(asked)
	mu.Unlock()
	for range 60 {
		late := 0
		for n := range names {
			if a := ask(n, "fed.example.", dns.TypeSOA); len(a) == 0 || a[0].(*dns.SOA).Serial != now {
				late++
				m := new(dns.Msg).SetNotify("fed.example.")
				c := dns.Client{Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(10, 99, 1, 1)}}}
				c.Exchange(m, fmt.Sprintf("10.99.1.%d:53", n+2))
			}
		}
		if late == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	fmt.Println("late")
}

func main() {
	for _, network := range []string{"udp", "tcp"} {
		go (&dns.Server{Addr: "10.99.1.1:53", Net: network, Handler: dns.HandlerFunc(serve)}).ListenAndServe()
	}
	for _, c := range []struct {
		name  string
		delta []string
	}{
		{"an exact delta", []string{`-x.fed.example. 60 TXT "one"`, `x.fed.example. 60 TXT "two"`}},
		{"deleted in other letters", []string{`-X.fed.example. 60 TXT "one"`, `x.fed.example. 60 TXT "two"`}},
		{"added although there", []string{`x.fed.example. 60 TXT "one"`}},
		{"deleted with another TTL", []string{`-x.fed.example. 61 TXT "one"`, `x.fed.example. 60 TXT "two"`}},
		{"added with another TTL", []string{`x.fed.example. 30 TXT "two"`}},
	} {
		publish(nil)
		publish(c.delta)
		time.Sleep(time.Second)
		for n, name := range names {
			has := ""
			for _, a := range ask(n, "x.fed.example.", dns.TypeTXT) {
				has += fmt.Sprintf(" %d:%s", a.Header().Ttl, a.(*dns.TXT).Txt[0])
			}
			mu.Lock()
			fmt.Printf("%s | %s | %s|%s\n", c.name, name, asked[fmt.Sprintf("10.99.1.%d", n+2)], has)
			mu.Unlock()
		}
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
    # Own network and processes: nothing leaves the machine, and nothing is left running.
    unshare --net --pid --fork --kill-child --mount-proc bash "$0" --inside "$dir"
    exit
fi

dir=$2 root=$2/root
ip link set lo up
mount --bind /dev "$root/dev"
run() { chroot "$root" "$@"; }
wrong() { echo "NOT AS STATED: $*" >&2; exit 1; }

for n in 1 2 3 4; do ip address add 10.99.1.$n/32 dev lo; done
version="$(run named -v | cut -d' ' -f2 | cut -d- -f1) $(run nsd -v 2>&1 | head -1 | awk '{ print $3 }') $(run knotd -V 2>/dev/null | grep -o '[0-9.]*$')"
echo "version:   BIND, NSD, Knot DNS $version"
[ "$version" = '9.20.30 4.12.0 3.4.6' ] || wrong "other versions"
echo "guess:     the three secondaries agree on which deltas fit"
echo "behaviour: they agree on letter case only; the table has what each asked and what it serves then"

mkdir -p "$root/tmp/bind" "$root/tmp/nsd" "$root/tmp/knot"
cat >"$root/tmp/bind/named.conf" <<'EOF'
options { directory "/tmp/bind"; listen-on { 10.99.1.2; }; listen-on-v6 { none; }; pid-file none;
          session-keyfile none; recursion no; min-retry-time 1; min-refresh-time 1; };
zone fed.example { type secondary; file "fed.db"; primaries { 10.99.1.1; }; transfer-source 10.99.1.2; };
controls { };
EOF
cat >"$root/tmp/nsd/nsd.conf" <<'EOF'
server:
  ip-address: 10.99.1.3
  username: ""
  zonesdir: "/tmp/nsd"
  pidfile: ""
  xfrdfile: ""
  zonelistfile: "/tmp/nsd/zone.list"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
zone:
  name: fed.example
  zonefile: fed.zone
  allow-notify: 10.99.1.1 NOKEY
  request-xfr: 10.99.1.1 NOKEY
  outgoing-interface: 10.99.1.3
EOF
cat >"$root/tmp/knot/knot.conf" <<'EOF'
server:
  listen: 10.99.1.4@53
  rundir: /tmp/knot
database:
  storage: /tmp/knot
remote:
  - id: primary
    address: 10.99.1.1
    via: 10.99.1.4
acl:
  - id: notify
    address: 10.99.1.1
    action: notify
zone:
  - domain: fed.example
    file: /tmp/knot/fed.zone
    master: primary
    acl: notify
EOF
run named -g -c /tmp/bind/named.conf >"$dir/bind.log" 2>&1 &
run nsd -d -c /tmp/nsd/nsd.conf >"$dir/nsd.log" 2>&1 &
run knotd -c /tmp/knot/knot.conf >"$dir/knot.log" 2>&1 &
timeout 150 "$dir/primary/primary" >"$dir/seen"
sed 's/^/seen:      /' "$dir/seen"
grep -oh 'dns_diff_apply: .*not exact' "$dir/bind.log" | tail -1 | sed 's/^/seen:      BIND: /'
grep -oh 'Failed to apply IXFR cleanly ([^)]*)' "$dir/nsd.log" | tail -1 | sed 's/^/seen:      NSD: /'
grep -oh 'failed to apply changes to zone.*' "$dir/knot.log" | tail -1 | sed 's/^/seen:      Knot: /'
diff - "$dir/seen" >&2 <<'EOF' || wrong "the table differs"
an exact delta | BIND | IXFR | 60:two
an exact delta | NSD | IXFR | 60:two
an exact delta | Knot | IXFR | 60:two
deleted in other letters | BIND | IXFR | 60:two
deleted in other letters | NSD | IXFR | 60:two
deleted in other letters | Knot | IXFR | 60:two
added although there | BIND | IXFR | 60:one
added although there | NSD | IXFR AXFR | 60:one
added although there | Knot | IXFR AXFR | 60:one
deleted with another TTL | BIND | IXFR AXFR | 60:one
deleted with another TTL | NSD | IXFR | 60:two
deleted with another TTL | Knot | IXFR | 60:two
added with another TTL | BIND | IXFR AXFR | 60:one
added with another TTL | NSD | IXFR | 60:one 30:two
added with another TTL | Knot | IXFR | 30:one 30:two
EOF
