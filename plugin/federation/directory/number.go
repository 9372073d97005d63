package directory

import (
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// E164 returns the digits of a telephone number, country code first, without
// the "+" (ITU-T E.164). It takes any way in which people write numbers: with
// "+" as they are, others as dialled in the region (ISO 3166, "IL"; "" for
// none), spaces, brackets, dots and hyphens left out. A number that its country
// cannot have, by its length, is an error.
func E164(s, region string) (string, error) {
	if !strings.HasPrefix(strings.TrimSpace(s), "+") && region == "" {
		return "", fmt.Errorf("number %q: want +COUNTRY…, or a region in the Corefile to read it in", s)
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil {
		return "", fmt.Errorf("number %q: %w", s, err)
	}
	if n.GetExtension() != "" {
		return "", fmt.Errorf("number %q: an extension cannot be part of a number in DNS", s)
	}
	if phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", fmt.Errorf("number %q: no number of country +%d has this length", s, n.GetCountryCode())
	}
	return strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+"), nil
}

// CheckRegion reports whether libphonenumber knows the region.
func CheckRegion(region string) error {
	if phonenumbers.GetCountryCodeForRegion(region) == 0 {
		return fmt.Errorf("region %q: want two capital letters of ISO 3166, as in IL", region)
	}
	return nil
}
