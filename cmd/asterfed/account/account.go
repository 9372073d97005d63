// Package account knows what the account that the service runs as can read and
// write: who checks or starts asterfed as root sees no difference, the service
// does.
package account

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
)

// serviceUser is the account that the service runs as (docs/operations.md). Who
// checks a Corefile is root, and may read everything; the service is not.
const serviceUser = "asterfed"

// Account is a user of this machine.
type Account struct {
	name string
	uid  uint32
	gids []uint32
}

// Service returns the account of the service, and whether there is one on this
// machine that this process, being root, could be mistaken for.
func Service() (Account, bool) {
	if os.Geteuid() != 0 {
		return Account{}, false
	}
	u, err := user.Lookup(serviceUser)
	if err != nil {
		return Account{}, false
	}
	a := Account{name: serviceUser}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil || uid == 0 {
		return a, false
	}
	a.uid = uint32(uid)
	groups, _ := u.GroupIds()
	for _, g := range groups {
		if gid, err := strconv.ParseUint(g, 10, 32); err == nil {
			a.gids = append(a.gids, uint32(gid))
		}
	}
	return a, true
}

// may reports whether the account has a right (4 read, 2 write, 1 search) to a
// file, as its mode alone gives it.
func (a Account) may(right uint32, info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	mode := uint32(info.Mode().Perm())
	switch {
	case !ok:
		return true
	case st.Uid == a.uid:
		mode >>= 6
	case slices.Contains(a.gids, st.Gid):
		mode >>= 3
	}
	return mode&right == right
}

// reads reports why the account cannot read a file, nil if it can.
func (a Account) reads(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // whoever reads it says so
	}
	if !a.may(4, info) {
		return fmt.Errorf("user %s, which the service runs as, cannot read %s: run chown root:%s and chmod 640 on it", a.name, path, a.name)
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && !a.may(1, info) {
			return fmt.Errorf("user %s, which the service runs as, cannot enter %s: run chown root:%s and chmod 750 on it", a.name, dir, a.name)
		}
		if dir == "/" || dir == "." {
			return nil
		}
	}
}

// Check says what the service could not do with this Corefile, and before serving
// what root would spoil for it.
func (a Account) Check(in caddy.Input, only bool) error {
	if only {
		return a.readsAll(in)
	}
	cfg, err := config.Read(in.Path(), in.Body())
	if err != nil {
		return nil // there is no federation in it
	}
	return a.owns(cfg.Data)
}

// readsAll checks the Corefile and every file that its federation blocks name.
func (a Account) readsAll(in caddy.Input) error {
	problems := []error{a.reads(in.Path())}
	blocks, err := caddyfile.Parse(in.Path(), strings.NewReader(string(in.Body())), nil)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		for _, t := range b.Tokens["federation"] {
			if info, err := os.Stat(t.Text); filepath.IsAbs(t.Text) && err == nil && info.Mode().IsRegular() {
				problems = append(problems, a.reads(t.Text))
			}
		}
	}
	return errors.Join(problems...)
}

// owns refuses to begin as root what belongs to the account: the files in data
// would be root's, and the service could not write them afterwards.
func (a Account) owns(data string) error {
	info, err := os.Stat(data)
	if err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != a.uid {
			return nil // made for somebody else
		}
	}
	return fmt.Errorf("serving as root would leave files in %s that user %s cannot write: run it as that user (systemctl start asterfed, or runuser -u %s -- asterfed serve)",
		data, a.name, a.name)
}
