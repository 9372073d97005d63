package update

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

func sortedStrings(s []string) []string {
	slices.Sort(s)
	return s
}

const (
	number = "1.0.0.1.e164." + apex
	bob    = "bob.users." + apex
)

// was is the zone that the table begins with.
var was = []string{
	number + ` TXT "v=1" "k=number" "u=1001" "n=Alice"`,
	number + ` TXT "k=range" "to=1999"`,
	"*.9.e164." + apex + ` TXT "k=wildcard"`,
	bob + ` TXT "k=user"`,
	"berlin.trunks." + apex + ` TXT "k=trunk" "cost=5"`,
}

const unchanged = "*.9.e164 k=wildcard\n1.0.0.1.e164 k=number u=1001 n=Alice\n1.0.0.1.e164 k=range to=1999\n7.e164 k=number by=ldap\n" +
	"berlin.trunks k=trunk cost=5\nbob.users k=user"

// One update on the zone above, its rcode and what it leaves there; the
// sections are those of RFC 2136.
func TestUpdates(t *testing.T) {
	for _, c := range []struct{ rfc, update, rcode, without, with string }{
		// The zone section.
		{"3.1.1", "zone " + apex + " A", "FORMERR", "", ""},
		{"3.1.2", "zone pbx-b.homes.fed.example.", "NOTAUTH", "", ""},
		{"3.1.2", "zone fed.example.", "NOTAUTH", "", ""},
		{"3.1.2", "zone " + apex + " SOA CH", "NOTAUTH", "", ""},
		{"3.1", "zone PBX-A.homes.fed.example.\nadd 2.e164." + apex + ` TXT "k=number"`, "NOERROR", "", "2.e164 k=number"},
		// Prerequisites.
		{"3.2.1", "yxdomain " + bob, "NOERROR", "", ""},
		{"3.2.1", "yxdomain BOB.users." + apex, "NOERROR", "", ""},
		{"3.2.1", "yxdomain nobody.users." + apex, "NXDOMAIN", "", ""},
		{"3.2.1", "yxdomain users." + apex, "NXDOMAIN", "", ""}, // an empty non-terminal owns no RR
		{"3.2.1", "yxdomain " + apex, "NOERROR", "", ""},
		{"3.2.1", "yxdomain 1001.users." + apex, "NOERROR", "", ""}, // a registration
		{"3.2.1", "nxdomain 1001.users." + apex, "YXDOMAIN", "", ""},
		{"3.2.1", "nxdomain " + number, "YXDOMAIN", "", ""},
		{"3.2.1", "nxdomain 2.e164." + apex, "NOERROR", "", ""},
		{"3.2.1", "yxrrset " + number + " TXT", "NOERROR", "", ""},
		{"3.2.1", "yxrrset " + number + " A", "NXRRSET", "", ""},
		{"3.2.1", "yxrrset 2.e164." + apex + " TXT", "NXRRSET", "", ""},
		{"3.2.1", "yxrrset " + apex + " SOA", "NOERROR", "", ""},
		{"3.2.1", "nxrrset " + number + " TXT", "YXRRSET", "", ""},
		{"3.2.1", "nxrrset " + number + " A", "NOERROR", "", ""},
		{"3.2.1", "nxrrset " + apex + " NS", "YXRRSET", "", ""},
		{"3.2.1", "yxdomain bob.users.pbx-b.homes.fed.example.", "NOTZONE", "", ""},
		{"3.2.1", "nxrrset " + bob + " AXFR", "FORMERR", "", ""},
		{"3.2.3", "yxrrset " + bob + ` TXT "v=1" "k=user"`, "NOERROR", "", ""},
		{"3.2.3", "yxrrset " + bob + ` TXT "k=user"`, "NOERROR", "", ""},
		{"3.2.3", "yxrrset " + bob + ` TXT "k=user" "n=Bob"`, "NXRRSET", "", ""},
		{"3.2.3", "yxrrset " + bob + ` TXT "k=user" "t=1"`, "NXRRSET", "", ""},
		{"3.2.3", "yxrrset " + number + ` TXT "k=number" "u=1001" "n=Alice"`, "NXRRSET", "", ""}, // half of the RRset
		{"3.2.3", "yxrrset " + number + ` TXT "k=number" "u=1001" "n=Alice"` + "\nyxrrset " + number + ` TXT "to=1999" "k=range" "v=1"`, "NOERROR", "", ""},
		{"3.2.3", "yxrrset " + bob + ` TXT "k=user"` + "\nyxrrset " + bob + ` TXT "k=user" "u=7"`, "NXRRSET", "", ""},
		{"3.2.3", "yxrrset 1001.users." + apex + ` TXT "v=1" "k=pjsip" "c=00000000000000ff" "t=0000000000000010"`, "NOERROR", "", ""},
		{"3.2.3", "yxrrset 1001.users." + apex + ` TXT "v=1" "k=pjsip" "c=00000000000000fe"`, "NXRRSET", "", ""},
		{"3.2.3", "yxrrset " + apex + " NS pbx-a.nodes.fed.example.", "NOERROR", "", ""},
		{"3.2.3", "yxrrset " + apex + " NS pbx-b.nodes.fed.example.", "NXRRSET", "", ""},
		{"3.2.5", "nxdomain " + number + "\ndelete " + bob, "YXDOMAIN", "", ""},
		// The update section, judged before anything is done.
		{"3.4.1.3", "delete " + bob + "\nadd 2.e164.pbx-b.homes.fed.example." + ` TXT "k=number"`, "NOTZONE", "", ""},
		{"3.4.1.3", "delete " + bob + "\ndelete " + number + " AXFR", "FORMERR", "", ""},
		// Adding.
		{"3.4.2.2", "add 2.e164." + apex + ` TXT "k=number"`, "NOERROR", "", "2.e164 k=number"},
		{"3.4.2.2", "add 2.e164." + apex + ` TXT "k=prefix" "v=1" "u=7" "t=ffff" "c=12"`, "NOERROR", "", "2.e164 k=prefix u=7"},
		{"3.4.2.2", "add 2.e164." + apex + ` TXT "k=range" "to=+9"`, "NOERROR", "", "2.e164 k=range to=9"},
		{"3.4.2.2", "add e164." + apex + ` TXT "k=prefix"`, "NOERROR", "", "e164 k=prefix"},
		{"3.4.2.2", "add q.services." + apex + ` TXT "k=service" "u=600" "n=Käthe \"K\""`, "NOERROR", "", `q.services k=service u=600 n=K\195\164the \"K\"`},
		{"3.4.2.2", "add " + number + ` TXT "k=number" "u=1001" "cost=7"`, "NOERROR", "1.0.0.1.e164 k=number u=1001 n=Alice", "1.0.0.1.e164 k=number u=1001 cost=7"},
		{"3.4.2.2", "add " + number + ` TXT "k=number" "of=1002"`, "NOERROR", "", "1.0.0.1.e164 k=number of=1002"},
		{"3.4.2.2", "add 1001.users." + apex + ` TXT "k=user"`, "NOERROR", "", "1001.users k=user"},
		{"3.4.2.2", "add 2.e164." + apex + ` TXT "k=number" "x=+90m"`, "NOERROR", "", "2.e164 k=number x=2026-01-02T04:34:05Z"},
		{"3.4.2.2", "add 2.e164." + apex + ` TXT "k=number" "x=+7d"`, "NOERROR", "", "2.e164 k=number x=2026-01-09T03:04:05Z"},
		{"3.4.2.2", "add 2.e164." + apex + ` TXT "k=number" "x=2026-02-01T00:00:00+01:00"`, "NOERROR", "", "2.e164 k=number x=2026-01-31T23:00:00Z"},
		{"", "add 2.e164." + apex + ` TXT "k=number" "x=2026-01-01T00:00:00Z"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "k=number" "x=+0s"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "k=number" "x=tomorrow"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "k=number" "cst=5"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "k=number" "cost=5" "cost=6"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "k=number" "loose"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "v=2" "k=number"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "u=7"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + ` TXT "k=number" "u=x@h&PJSIP/trunk/900"`, "REFUSED", "", ""},
		{"", "add 2.users." + apex + ` TXT "k=number"`, "REFUSED", "", ""},
		{"", "add 12.e164." + apex + ` TXT "k=number"`, "REFUSED", "", ""},
		{"", "add 1001.users." + apex + ` TXT "k=pjsip" "c=00000000000000fe"`, "REFUSED", "", ""},
		{"", "add " + apex + ` TXT "v=1" "state=down"`, "REFUSED", "", ""},
		{"", "add 2.e164." + apex + " A 192.0.2.1", "REFUSED", "", ""},
		{"", "add " + apex + " NS pbx-b.nodes.fed.example.", "REFUSED", "", ""},
		// Deleting an RRset, and all RRsets of a name.
		{"3.4.2.3", "delete " + number + " TXT", "NOERROR", "1.0.0.1.e164 k=number u=1001 n=Alice|1.0.0.1.e164 k=range to=1999", ""},
		{"3.4.2.3", "delete " + number, "NOERROR", "1.0.0.1.e164 k=number u=1001 n=Alice|1.0.0.1.e164 k=range to=1999", ""},
		{"3.4.2.3", "delete BERLIN.trunks." + apex, "NOERROR", "berlin.trunks k=trunk cost=5", ""},
		{"3.4.2.3", "delete 2.e164." + apex, "NOERROR", "", ""},
		{"3.4.2.3", "delete 1001.users." + apex, "NOERROR", "", ""}, // the registration stays
		{"3.4.2.3", "delete " + apex, "NOERROR", "", ""},
		{"3.4.2.3", "delete " + apex + " SOA", "NOERROR", "", ""},
		{"3.4.2.3", "delete " + apex + " NS", "NOERROR", "", ""},
		{"", "delete " + number + " A", "REFUSED", "", ""},
		// Deleting a record.
		{"3.4.2.4", "delete " + number + ` TXT "k=number" "u=1001"`, "NOERROR", "1.0.0.1.e164 k=number u=1001 n=Alice", ""},
		{"3.4.2.4", "delete " + number + ` TXT "v=1" "k=number" "t=00019b0000000000" "u=1001" "n=Alice"`, "NOERROR", "1.0.0.1.e164 k=number u=1001 n=Alice", ""},
		{"3.4.2.4", "delete " + number + ` TXT "k=number" "u=1001" "n=Other" "x=+1h"`, "NOERROR", "1.0.0.1.e164 k=number u=1001 n=Alice", ""},
		{"3.4.2.4", "delete " + number + ` TXT "k=number"`, "NOERROR", "", ""}, // another identity
		{"3.4.2.4", "delete " + number + ` TXT "k=number" "u=*"`, "NOERROR", "1.0.0.1.e164 k=number u=1001 n=Alice", ""},
		{"3.4.2.4", "delete " + number + ` TXT "k=range" "to=1998"`, "NOERROR", "", ""},
		{"3.4.2.4", "delete " + number + ` TXT "k=range" "to=*"`, "NOERROR", "1.0.0.1.e164 k=range to=1999", ""},
		{"3.4.2.4", "delete " + number + ` TXT "nothing of ours"`, "NOERROR", "", ""},
		{"3.4.2.4", "delete " + apex + " NS pbx-a.nodes.fed.example.", "NOERROR", "", ""},
		{"", "delete 1001.users." + apex + ` TXT "v=1" "k=pjsip" "c=00000000000000ff"`, "REFUSED", "", ""},
		{"", "delete " + apex + ` TXT "v=1" "state=up"`, "REFUSED", "", ""},
		// What a source keeps up to date.
		{"", "add 7.e164." + apex + ` TXT "k=number" "n=Mine"`, "REFUSED", "", ""},
		{"", "delete 7.e164." + apex + ` TXT "k=number"`, "REFUSED", "", ""},
		{"", "delete 7.e164." + apex, "NOERROR", "", ""},
		{"", "add mallory.users." + apex + ` TXT "k=user"`, "REFUSED", "", ""}, // not here, says the directory
		// All or nothing, in order.
		{"3.4.2", "delete " + number + "\nadd " + number + ` TXT "k=number" "u=7"`, "NOERROR",
			"1.0.0.1.e164 k=number u=1001 n=Alice|1.0.0.1.e164 k=range to=1999", "1.0.0.1.e164 k=number u=7"},
		{"3.4.2", "add " + number + ` TXT "k=number" "u=7"` + "\ndelete " + number, "NOERROR",
			"1.0.0.1.e164 k=number u=1001 n=Alice|1.0.0.1.e164 k=range to=1999", ""},
		{"3.4.2", "delete " + number + "\nadd 2.e164." + apex + " A 192.0.2.1", "REFUSED", "", ""},
	} {
		l := newLab(t, was...)
		kept, err := location.Publish(location.Number, "7", location.Details{By: "ldap"})
		if err != nil {
			t.Fatal(err)
		}
		l.pubs.Apply([]location.Change{{New: kept}})
		if got := code(l.do(t, c.update)); got != c.rcode {
			t.Errorf("§%s %q: %s, want %s", c.rfc, c.update, got, c.rcode)
		}
		want := strings.Split(unchanged, "\n")
		for s := range strings.SplitSeq(c.without, "|") {
			want = slices.DeleteFunc(want, func(w string) bool { return w == s })
		}
		if c.with != "" {
			want = append(want, c.with)
		}
		if got := l.zone(); got != strings.Join(sortedStrings(want), "\n") {
			t.Errorf("§%s %q leaves\n%s\nwant\n%s", c.rfc, c.update, got, strings.Join(want, "\n"))
		}
	}
}

// Messages that no words above make.
func TestMalformed(t *testing.T) {
	for name, spoil := range map[string]func(*dns.Msg){
		"no zone":         func(m *dns.Msg) { m.Question = nil },
		"two zones":       func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"prereq with TTL": func(m *dns.Msg) { m.Answer[0].Header().Ttl = 1 },
		"prereq class":    func(m *dns.Msg) { m.Answer[0].Header().Class = dns.ClassCHAOS },
		"prereq data": func(m *dns.Msg) {
			m.Answer = []dns.RR{rr(t, bob+` 0 IN TXT "k=user"`)}
			m.Answer[0].Header().Class = dns.ClassANY
		},
		"delete with TTL": func(m *dns.Msg) { m.Ns[0].Header().Ttl = 1 },
		"update class":    func(m *dns.Msg) { m.Ns[0].Header().Class = dns.ClassCHAOS },
		"add ANY":         func(m *dns.Msg) { m.Ns[0].Header().Class = dns.ClassINET },
		"delete without data": func(m *dns.Msg) {
			m.Ns[0].Header().Class, m.Ns[0].Header().Rrtype = dns.ClassNONE, dns.TypeTXT
		},
		"add without data": func(m *dns.Msg) {
			m.Ns[0].Header().Class, m.Ns[0].Header().Rrtype = dns.ClassINET, dns.TypeTXT
		},
		"delete record with TTL": func(m *dns.Msg) {
			m.Ns = []dns.RR{rr(t, bob+` 7 IN TXT "k=user"`)}
			m.Ns[0].Header().Class = dns.ClassNONE
		},
		"add AXFR with data": func(m *dns.Msg) {
			m.Ns = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: bob, Rrtype: dns.TypeAXFR, Class: dns.ClassINET}, Rdata: "00"}}
		},
		"delete RRset with data": func(m *dns.Msg) {
			m.Ns = []dns.RR{rr(t, bob+` 0 IN TXT "k=user"`)}
			m.Ns[0].Header().Class = dns.ClassANY
		},
	} {
		l := newLab(t, was...)
		m := message(t, "yxdomain "+bob+"\ndelete "+bob)
		spoil(m)
		changes, err := l.home.Decide(unpacked(t, m), "", l.pubs, everything)
		if code(err) != "FORMERR" || changes != nil {
			t.Errorf("%s: %v %s, want FORMERR", name, changes, code(err))
		}
	}
}

// Publishing again keeps the place of a number, and claims a user anew only
// if something has changed or somebody else has claimed him since.
func TestStamps(t *testing.T) {
	l := newLab(t, was...)
	stamp := func(owner string) location.Stamp {
		kinds, name := record.ParseOwner(owner, apex)
		return l.pubs.At(kinds[0], name)[0].Stamp
	}
	again := func(text string) {
		l.now = l.now.Add(time.Second)
		if err := l.do(t, text); err != nil {
			t.Fatal(err)
		}
	}
	trunk := "berlin.trunks." + apex
	firstUser, firstTrunk := stamp(bob), stamp(trunk)
	if firstUser == 0 || firstTrunk == 0 || firstUser == firstTrunk {
		t.Fatalf("stamps are %v and %v", firstUser, firstTrunk)
	}
	again("add " + bob + ` TXT "k=user"`)
	if got := stamp(bob); got != firstUser {
		t.Errorf("a user published again without a rival: %v, want %v", got, firstUser)
	}
	l.rival = firstUser + 1<<30
	again("add " + trunk + ` TXT "k=trunk" "cost=9"` + "\ndelete " + bob + "\nadd " + bob + ` TXT "k=user"`)
	if got := stamp(bob); got <= l.rival {
		t.Errorf("a user claimed elsewhere and published again: %v, want above %v", got, l.rival)
	}
	if got := stamp(trunk); got != firstTrunk {
		t.Errorf("a trunk with another cost: %v, want %v", got, firstTrunk)
	}
	again("delete " + trunk)
	again("add " + trunk + ` TXT "k=trunk"`)
	if got := stamp(trunk); got <= l.rival {
		t.Errorf("a trunk withdrawn and published: %v, want above %v", got, l.rival)
	}
}

// A binding that was published before keys were kept gets its key when it is
// published again, and keeps its place: an upgrade moves nobody.
func TestKeyIsAddedWithoutAClaim(t *testing.T) {
	l := newLab(t, was...)
	kinds, name := record.ParseOwner(bob, apex)
	before := l.pubs.At(kinds[0], name)[0]
	l.now = l.now.Add(time.Second)
	changes, err := l.home.Decide(message(t, "add "+bob+` TXT "k=user"`), "registrar", l.pubs, everything)
	if err != nil {
		t.Fatal(err)
	}
	l.pubs.Apply(changes)
	after := l.pubs.At(kinds[0], name)[0]
	if before.Info.Details().Key != "" || after.Info.Details().Key != "registrar" || after.Stamp != before.Stamp {
		t.Errorf("%v became %v, want the key and the same stamp", before, after)
	}
}
