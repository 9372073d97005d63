// Package directory reads what registration alone cannot tell about users:
// numbers, aliases, display names, devices, and where calls go when nobody is
// registered. It turns a CSV file into bindings and knows no DNS, no AMI and no
// network. Begin with Parse; Numbers is about how numbers are written, Columns
// reads other such files too.
package directory
