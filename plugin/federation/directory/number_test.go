package directory

import (
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// TestNumbersOfTheWorld takes libphonenumber's own example of every region and
// type, in every way to write it, to the same digits.
func TestNumbersOfTheWorld(t *testing.T) {
	n := 0
	for region := range phonenumbers.GetSupportedRegions() {
		for _, typ := range []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.TOLL_FREE} {
			example := phonenumbers.GetExampleNumberForType(region, typ)
			if example == nil {
				continue
			}
			want := strings.TrimPrefix(phonenumbers.Format(example, phonenumbers.E164), "+")
			for _, form := range []phonenumbers.PhoneNumberFormat{phonenumbers.E164, phonenumbers.INTERNATIONAL, phonenumbers.NATIONAL} {
				if region == "AR" && typ == phonenumbers.MOBILE && form == phonenumbers.NATIONAL {
					continue // the library writes "09 15…", which it cannot read itself
				}
				written := phonenumbers.Format(example, form)
				n++
				if got, err := E164(written, region); err != nil || got != want {
					t.Errorf("%s: %q is %s, want %s (%v)", region, written, got, want, err)
				}
			}
			if got, err := E164("+"+want, ""); err != nil || got != want {
				t.Errorf("%s: +%s without a region is %s (%v)", region, want, got, err)
			}
		}
	}
	if n < 1500 {
		t.Errorf("%d numbers: too few to show anything", n)
	}
}

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct{ written, region, want string }{
		{"+972-3-123-1001", "", "97231231001"},
		{"(03) 123 1001", "IL", "97231231001"},
		{"00972 3 1231001", "IL", "97231231001"},
		{"011 972 3 1231001", "US", "97231231001"},
		{"030 123456", "DE", "4930123456"},
		{"+39 06 698 12345", "", "390669812345"}, // Italy keeps its zero
	} {
		if got, err := E164(c.written, c.region); err != nil || got != c.want {
			t.Errorf("%s in %q: %s, want %s (%v)", c.written, c.region, got, c.want, err)
		}
	}
	for _, bad := range []string{"", "abc", "+", "123", "+972 3 1231001 ext. 5", "911"} {
		if got, err := E164(bad, "IL"); err == nil {
			t.Errorf("%q is taken for %s", bad, got)
		}
	}
}
