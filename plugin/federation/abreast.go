package federation

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/location"
)

// abreast keeps on disk up to when this node knew all that its Asterisk had
// registered, so that after a restart of asterfed alone the first listing
// proves what came meanwhile (docs/decisions/140). It counts only together with
// the journal that went with it, which the epoch tells, with the same Asterisk
// and with the same users permitted.
type abreast struct {
	r     *Runtime
	path  string
	wrote time.Time
	bad   bool
}

// abreastEvery is how often it is written. It need not survive a crash of the
// machine: the epoch does not either.
const abreastEvery = 2 * time.Second

func newAbreast(r *Runtime) *abreast {
	return &abreast{r: r, path: filepath.Join(r.cfg.Data, "abreast")}
}

// scope names all that must not have changed. A directory decides who is
// published, and may change while nothing runs: with one nothing is proved.
func (a *abreast) scope() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q", a.r.cfg.Asterisk.Addr, a.r.cfg.Users)
	return fmt.Sprintf("%s %016x", a.r.primary.Version().Epoch, h.Sum64())
}

// before returns what was kept, zero if it proves nothing.
func (a *abreast) before() (out ami.Abreast) {
	b, err := os.ReadFile(a.path)
	if err != nil || a.r.fresh || a.r.cfg.Directory != "" {
		return out
	}
	rest, ok := strings.CutPrefix(string(b), a.scope()+" ")
	run, mark, cut := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || !cut {
		return out
	}
	at, err := time.Parse(time.RFC3339, run)
	if err != nil {
		return out
	}
	s, err := location.ParseStamp(mark)
	if err != nil || !a.r.clock.Observe(s) {
		return out
	}
	return ami.Abreast{Run: at, Mark: s}
}

// keep is called from the AMI source.
func (a *abreast) keep(x ami.Abreast) {
	if time.Since(a.wrote) < abreastEvery || a.r.cfg.Directory != "" || a.r.primary.DiskErr() != nil {
		return
	}
	a.wrote = time.Now()
	text := fmt.Sprintf("%s %s %v\n", a.scope(), x.Run.UTC().Format(time.RFC3339), x.Mark)
	err := datadir.Replace(a.path, datadir.Atomic, 0o600, datadir.Text(text))
	was := a.bad
	if a.bad = err != nil; a.bad && !was {
		a.r.log.Warn("not kept how far Asterisk was followed; after a restart, registrations meanwhile rank last", "err", err)
	}
}
