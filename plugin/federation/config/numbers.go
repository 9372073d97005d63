package config

import (
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// dial reads "country CC [national PREFIX] [international PREFIX]".
func (p *parser) dial(args []string) error {
	d := &p.cfg.Dial
	for i := 0; i < len(args); i += 2 {
		at := map[string]*string{"country": &d.Country, "national": &d.National, "international": &d.International}[args[i]]
		if at == nil || i+1 == len(args) {
			return p.Errf("dial %q: want country CC [national PREFIX] [international PREFIX], as in country 972 national 0 international 00",
				strings.Join(args, " "))
		}
		digits, err := location.ParseDigits(args[i+1])
		if err != nil {
			return p.Errf("dial %s: %v", args[i], err)
		}
		*at = digits
	}
	if d.National != "" && d.Country == "" {
		return p.Errf("dial: national %s needs the country's code: country 972", d.National)
	}
	return nil
}

func (p *parser) isn(args []string) (err error) {
	if p.cfg.ITAD, err = p.one(args, "an ITAD number, as in 256"); err != nil {
		return err
	}
	if _, err := location.ParseDigits(p.cfg.ITAD); err != nil {
		return p.Errf("isn: %v", err)
	}
	return nil
}

func (p *parser) plan(args []string) error {
	if len(args) != 2 {
		return p.Errf("plan %q: want plan EXTENSIONS +NUMBERS, as in 1xxx +97231231xxx", strings.Join(args, " "))
	}
	rule, err := location.ParseRule(args[0], args[1])
	if err != nil {
		return p.Errf("%v", err)
	}
	p.cfg.Plan = append(p.cfg.Plan, rule)
	return nil
}
