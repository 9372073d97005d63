package config

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// History is what of the past is kept; the zero value is nothing.
type History struct {
	Age   time.Duration
	Bytes int64
}

var defaultHistory = History{7 * 24 * time.Hour, 64 << 20}

const historyForm = `history AGE SIZE, as in 30d 256MB, or off`

// history reads "AGE SIZE" or "off".
func (p *parser) history(args []string) error {
	if len(args) == 1 && args[0] == "off" {
		p.cfg.History = History{}
		return nil
	}
	if len(args) != 2 {
		return p.Errf("history %q: want %s", strings.Join(args, " "), historyForm)
	}
	age, err := parseAge(args[0])
	if err != nil {
		return p.Errf("history %s: %v: want %s", args[0], err, historyForm)
	}
	size, err := parseSize(args[1])
	if err != nil {
		return p.Errf("history %s: %v: want %s", args[1], err, historyForm)
	}
	p.cfg.History = History{age, size}
	return nil
}

// parseAge reads a duration of at least a minute, in Go's form or in days.
func parseAge(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 {
			return 0, errors.New("no number of days")
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Minute {
		return 0, errors.New("no duration from 1m")
	}
	return d, nil
}

// parseSize reads "256MB" or "2GB", from 1MB.
func parseSize(s string) (int64, error) {
	for _, u := range []struct {
		suffix string
		shift  uint
	}{{"MB", 20}, {"GB", 30}} {
		if num, ok := strings.CutSuffix(s, u.suffix); ok {
			n, err := strconv.ParseUint(num, 10, 20)
			if err != nil || n == 0 {
				break
			}
			return int64(n) << u.shift, nil
		}
	}
	return 0, errors.New("no size from 1MB")
}
