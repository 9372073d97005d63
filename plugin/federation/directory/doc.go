// Package directory reads what registrations alone do not say about users:
// numbers, aliases, display names, devices, and where calls go when nobody is
// registered. It turns a CSV file into bindings and knows no DNS, no AMI and no
// network. Start reading at Parse. E164 reads a telephone number as people write
// it; Columns reads other CSV files with a header, such as that of trunks.
package directory
