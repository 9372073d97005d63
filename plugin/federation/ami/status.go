package ami

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// State says how far a Client is with its Asterisk.
type State uint8

// The states in their usual order.
const (
	Connecting State = iota // before the first connection
	Booting                 // logged in, Asterisk is not FullyBooted yet
	Listing                 // the first full listing is under way, or was refused (Err)
	Ready                   // the first full listing was delivered
	Down                    // no connection; reported once per outage and cause
)

var stateNames = [...]string{"connecting", "booting", "listing", "ready", "down"}

// String returns the state in lower case: "connecting", "booting", "listing",
// "ready" or "down".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "state" + strconv.Itoa(int(s))
}

// Status is one change of the connection to Asterisk.
type Status struct {
	State State
	// Shutdown, with Down: Asterisk announced its own stop.
	Shutdown bool
	// Version and SystemName are Asterisk's own words, "16.28.0~dfsg-…" and
	// asterisk.conf's systemname; empty until CoreSettings answered once.
	Version    string
	SystemName string
	// Err is the cause with Down, the refusal with Listing.
	Err error
	At  time.Time
}

// Refused is an action that Asterisk did not do, in its own words.
type Refused struct {
	Action  Action
	Message string
}

func (r *Refused) Error() string { return string(r.Action) + ": " + r.Message }

// refusal returns what a Response: Error says.
func refusal(a Action, m *Message) *Refused {
	text := m.Get(KeyMessage)
	return &Refused{a, string(text[:min(len(text), 200)])}
}

// Unknown reports whether the action was refused because no loaded module has
// it.
func Unknown(err error) bool { return refusedWith(err, "Invalid/unknown command") }

// Empty reports whether the action was refused because there is nothing to list:
// Asterisk then answers "No Contacts found", "No AORs found" and the like.
func Empty(err error) bool { return refusedWith(err, "No ") }

// Missing reports whether PJSIPShowEndpoint was refused because there is no such
// endpoint.
func Missing(err error) bool { return refusedWith(err, "Unable to retrieve endpoint") }

func refusedWith(err error, prefix string) bool {
	var refused *Refused
	return errors.As(err, &refused) && strings.HasPrefix(refused.Message, prefix)
}

var (
	errShutdown = errors.New("asterisk announced its shutdown")
	errAuth     = errors.New("login refused")
	errSilent   = errors.New("asterisk is silent")
)

// Unauthorized reports whether Asterisk refused the login of the manager user.
func Unauthorized(err error) bool { return errors.Is(err, errAuth) }

// LoginError explains why a login was refused, where Asterisk's own words do not
// say what to do.
func LoginError(err error) error {
	var refused *Refused
	if errors.As(err, &refused) && refused.Message == "Login Already In Use" {
		return loginInUse{err}
	}
	return err
}

type loginInUse struct{ error }

func (e loginInUse) Error() string {
	return e.error.Error() + ": asterfed needs two sessions of the manager user; take allowmultiplelogin=no out of manager.conf"
}
func (e loginInUse) Unwrap() error { return e.error }
