package main

import (
	"strings"

	"github.com/asterfed/asterfed/plugin/federation/directory"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// trees are the parts of the federation zone whose names have several labels.
var trees = []string{".trunks", ".providers", ".services", ".users", ".e164", ".isn"}

// digitsOf reads a number in any of the ways in which people and the directory
// write it: as digits, with "+", spaces, brackets, dots and hyphens, and, given
// the region (ISO 3166) of the node's directory, as it is dialled there. What is
// a name is no number.
func digitsOf(s, region string) (digits string, ok bool, err error) {
	if digits, ok := location.AOR(s).Number(); ok {
		return digits, true, nil // an extension, or a number in full
	}
	if !strings.HasPrefix(strings.TrimSpace(s), "+") && !formatted(s) {
		return "", false, nil
	}
	digits, err = directory.E164(s, region)
	return digits, err == nil, err
}

// formatted reports whether s has digits and what people put between them, and
// something that no name has.
func formatted(s string) bool {
	return strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, " ()/\u00a0") &&
		strings.Trim(s, "0123456789 ()/.-\u00a0") == ""
}

// ownerOf returns the name, below the federation zone and without it, under
// which what a person types stands: numbers in the ENUM tree, "alice" below
// users, and names such as berlin.trunks as they are.
func ownerOf(name, region string) (string, error) {
	for _, tree := range trees {
		if strings.HasSuffix(strings.ToLower(name), tree) {
			return strings.ToLower(name), nil
		}
	}
	digits, number, err := digitsOf(name, region)
	if err != nil {
		return "", err
	}
	if number {
		return record.ENUM(digits) + "e164", nil
	}
	aor, err := location.ParseAOR(name)
	if err != nil {
		return "", err
	}
	return aor.Fold() + ".users", nil
}
