package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
)

const (
	origin = "fed.example."
	home   = "pbx-0"
	ttl    = 5
)

// world is the names that every server has: numbers, every seventh one in use,
// and blocks of a hundred numbers that one answer covers. Users are the same
// names below users; other servers have every twentieth of those, and are only
// asked for them.
type world struct{ numbers, blocks int }

func newWorld(numbers int) *world { return &world{numbers, max(1, numbers/1000)} }

const (
	gap       = 7
	userEvery = 20
)

// number is the i-th number, which a phone has registered.
func (w *world) number(i int) string { return fmt.Sprintf("97231%07d", i*gap) }

// block is what the hundred numbers of the i-th block begin with.
func (w *world) block(i int) string { return fmt.Sprintf("97240%05d", i*gap) }

// enum is the owner of a number (RFC 6116 §3.2), or of the first digits of one.
func enum(digits string) string {
	b := make([]byte, 0, 2*len(digits)+20)
	for i := len(digits) - 1; i >= 0; i-- {
		b = append(b, digits[i], '.')
	}
	return string(b) + "e164." + origin
}

var nodeAddr = netip.MustParseAddr("192.0.2.1")

// journal writes what asterfed keeps of the world into its data directory.
func (w *world) journal(data string) error {
	j, _, err := primary.OpenJournal(data, home, origin)
	if err != nil {
		return err
	}
	all := make([]location.Binding, 0, w.numbers+w.blocks)
	for i := range w.numbers {
		n := w.number(i)
		c := location.Contact{AOR: location.AOR(n), Kind: location.PJSIP, URI: "sip:" + n + "@192.0.2.7"}
		all = append(all, location.Binding{AOR: c.AOR, Kind: c.Kind, Contact: c.ID(), Stamp: location.Stamp(1_700_000_000_000+i) << 16})
	}
	for i := range w.blocks {
		b, err := location.Publish(location.Range, w.block(i)+"00", location.Details{To: w.block(i) + "99"})
		if err != nil {
			return err
		}
		b.Stamp = 1 << 16
		all = append(all, b)
	}
	node := record.Node{Name: home, State: record.Up, Addrs: []netip.Addr{nodeAddr}, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
	if err := j.Rewrite(record.Version{Epoch: record.NewEpoch(), Serial: 7}, &node, all); err != nil {
		return err
	}
	return j.Close()
}

// master writes the same as a zone file, which all other servers read.
func (w *world) master(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write zone file: %w", err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	host := home + ".nodes." + origin
	fmt.Fprintf(out, "$TTL %d\n%s SOA %s hostmaster.%s 1 60 10 604800 %d\n%s NS %s\n%s A %s\n",
		ttl, origin, host, origin, ttl, origin, host, host, nodeAddr)
	naptr := func(owner, match, user string) {
		for _, service := range []string{"sip", "pjsip"} {
			fmt.Fprintf(out, "%s NAPTR 100 10 \"u\" \"E2U+%s\" \"!%s!sip:%s@%s!\" .\n", owner, service, match, user, host[:len(host)-1])
		}
	}
	for i := range w.numbers {
		naptr(enum(w.number(i)), "^.*$", w.number(i))
		if i%userEvery == 0 {
			user := w.number(i) + ".users." + origin
			naptr(user, "^.*$", w.number(i))
			fmt.Fprintf(out, "_sip._udp.%s SRV 10 10 5060 %s\n", user, host)
		}
	}
	for i := range w.blocks {
		naptr(enum(w.block(i)), "^(.*)$", `\\1`)
		naptr("*."+enum(w.block(i)), "^(.*)$", `\\1`)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write zone file: %w", err)
	}
	return f.Close()
}

// questions are files of dnsperf, one question a line, by kind.
var questions = []struct {
	kind, what string
	ask        func(*world, *rand.Rand) string
}{
	{"hit", "a number that is there", func(w *world, r *rand.Rand) string { return enum(w.number(r.IntN(w.numbers))) + " NAPTR" }},
	{"miss", "one that is not (NXDOMAIN)", func(w *world, r *rand.Rand) string {
		n := []byte(w.number(r.IntN(w.numbers - 1)))
		return enum(fmt.Sprintf("97231%07d", atoi(n[5:])+1+r.IntN(gap-1))) + " NAPTR"
	}},
	{"empty", "the first digits of numbers (NODATA)", func(w *world, r *rand.Rand) string {
		n := w.number(r.IntN(w.numbers))
		return enum(n[:len(n)-1-r.IntN(4)]) + " NAPTR"
	}},
	{"range", "a number that a block covers", func(w *world, r *rand.Rand) string {
		return enum(fmt.Sprintf("%s%02d", w.block(r.IntN(w.blocks)), r.IntN(100))) + " NAPTR"
	}},
	{"SRV", "SRV of a user, address included", func(w *world, r *rand.Rand) string {
		i := r.IntN(max(1, w.numbers/userEvery)) * userEvery
		return "_sip._udp." + w.number(i) + ".users." + origin + " SRV"
	}},
	{"mixed", "70% hits, 15% misses, 5% of each of the others", nil},
}

func atoi(b []byte) (n int) {
	for _, c := range b {
		n = 10*n + int(c-'0')
	}
	return n
}

// shares of the kinds in "mixed", in their order, of twenty.
var shares = []int{14, 3, 1, 1, 1}

// question returns one question of a kind.
func (w *world) question(kind int, r *rand.Rand) string {
	if questions[kind].ask != nil {
		return questions[kind].ask(w, r)
	}
	n := r.IntN(20)
	for k, share := range shares {
		if n -= share; n < 0 {
			return questions[k].ask(w, r)
		}
	}
	panic("shares make less than twenty")
}

// ask writes the files of questions.
func (w *world) ask(dir string, count int) error {
	for k, q := range questions {
		r := rand.New(rand.NewPCG(1, uint64(k)))
		f, err := os.Create(filepath.Join(dir, q.kind+".questions"))
		if err != nil {
			return fmt.Errorf("write questions: %w", err)
		}
		out := bufio.NewWriterSize(f, 1<<20)
		for range count {
			fmt.Fprintln(out, w.question(k, r))
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write questions: %w", err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("write questions: %w", err)
		}
	}
	return nil
}
