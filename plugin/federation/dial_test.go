package federation

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
	"github.com/nyaruka/phonenumbers"
)

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// TestDialledInTheWorld: in every region, libphonenumber's own example number is
// found as it is dialled there, with the national prefix, and one of another
// country with the international prefix, as the library writes both.
func TestDialledInTheWorld(t *testing.T) {
	inland, abroad := 0, 0
	for region := range phonenumbers.GetSupportedRegions() {
		own := phonenumbers.GetExampleNumberForType(region, phonenumbers.FIXED_LINE)
		other := phonenumbers.GetExampleNumberForType(map[bool]string{true: "DE", false: "IL"}[region == "IL"], phonenumbers.FIXED_LINE)
		if own == nil {
			continue
		}
		full := func(n *phonenumbers.PhoneNumber) string { return digitsOf(phonenumbers.Format(n, phonenumbers.E164)) }
		out := digitsOf(phonenumbers.FormatOutOfCountryCallingNumber(other, region))
		international, _ := strings.CutSuffix(out, full(other))
		national := phonenumbers.GetNddPrefixForRegion(region, true)
		v := answer.New(answer.Config{Order: answer.Newest, Dial: answer.Dial{Country: strings.TrimSuffix(full(own), phonenumbers.GetNationalSignificantNumber(own)), National: national, International: international}}, view.New(view.Config{Origin: testZone, Self: "pbx-a", TTL: 5 * time.Second}))
		var all []location.Binding
		for number, user := range map[string]location.AOR{full(own): "own", full(other): "other"} {
			b, err := location.Publish(location.Number, number, location.Details{Target: user})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
		v.Home("pbx-a").Replace(record.Version{Epoch: "e", Serial: 1}, &record.Node{Name: "pbx-a", State: record.Up,
			SIP: []record.Transport{{Proto: "udp", Port: 5060}}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, all)
		v.SetSettled(true)
		leads := func(dialled, want string) {
			t.Helper()
			answer := v.Lookup(record.ENUM(dialled)+"e164."+testZone, dns.TypeNAPTR).Answer
			if len(answer) == 0 || !strings.Contains(answer[0].String(), "sip:"+want+"@") {
				t.Errorf("%s (country %s, national %q, international %q): %s is %v, want %s", region, full(own), national, international, dialled, answer, want)
			}
		}
		leads(full(own), "own")
		leads(full(other), "other")
		if international != "" && len(international) <= 5 { // more are those of several carriers, one after the other
			abroad++
			leads(out, "other")
		}
		if n := digitsOf(phonenumbers.Format(own, phonenumbers.NATIONAL)); national != "" && n == national+phonenumbers.GetNationalSignificantNumber(own) {
			inland++
			leads(n, "own")
		}
	}
	t.Logf("%d regions with a national prefix, %d with an international one", inland, abroad)
	if inland < 80 || abroad < 200 {
		t.Errorf("%d and %d regions: too few to show anything", inland, abroad)
	}
}
