package view

import (
	"strings"

	"github.com/asterfed/asterfed/zone/record"
)

// AppendClaim appends a claim as text, without a line break: its home, then the
// binding as the journal has it.
func AppendClaim(b []byte, c Claimed) []byte {
	return record.AppendBinding(append(append(b, c.Home...), ' '), &c.Binding)
}

// ParseClaim is the reverse of AppendClaim.
func ParseClaim(line string) (Claimed, error) {
	home, rest, _ := strings.Cut(line, " ")
	c, err := record.ParseChange("+ " + rest)
	return Claimed{home, c.New}, err
}
