package command

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"
)

var JSONFlag = &cli.BoolFlag{Name: "json", Usage: "print it for programs"}

// Listing is what a command prints: a table for people or, with --json, an array
// of objects, one a row, whose keys are the heads of the columns in lower case.
type Listing struct {
	heads []string
	rows  [][]any
}

func NewListing(heads ...string) *Listing { return &Listing{heads: heads} }

// Add takes one value for each column: text, numbers, and times, which people
// read in local time and programs as RFC 3339 has it.
func (l *Listing) Add(row ...any) { l.rows = append(l.rows, row) }

// Print prints the listing as the options say.
func (l *Listing) Print(c *cli.Context) error {
	if c.Bool("json") {
		return PrintJSON(c, l.Objects())
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(l.heads, "\t"))
	for _, row := range l.rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = cell(v)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

func (l *Listing) Objects() []map[string]any {
	all := make([]map[string]any, len(l.rows))
	for i, row := range l.rows {
		all[i] = map[string]any{}
		for j, v := range row {
			if t, ok := v.(time.Time); ok {
				if t.IsZero() {
					continue
				}
				v = t.UTC().Format(time.RFC3339Nano)
			}
			all[i][strings.ReplaceAll(strings.ToLower(l.heads[j]), " ", "_")] = v
		}
	}
	return all
}

// cell is a value as a person reads it, "-" for nothing.
func cell(v any) string {
	if t, ok := v.(time.Time); ok {
		if t.IsZero() {
			return "-"
		}
		return t.Local().Format(time.DateTime)
	}
	return Dash(Clean(fmt.Sprint(v)))
}

// Clean takes out of a text that another node has sent what a terminal would obey
// or show in another order: control characters, and the invisible ones of Unicode.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func PrintJSON(c *cli.Context, v any) error {
	e := json.NewEncoder(c.App.Writer)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Len returns the number of rows.
func (l *Listing) Len() int { return len(l.rows) }
