package serf

import (
	"errors"
	"fmt"
	"time"

	hserf "github.com/hashicorp/serf/serf"
)

// leaveLimit bounds the wait for a leave that is under way: two broadcasts of
// 5 s and the time to propagate.
const leaveLimit = 12 * time.Second

// Shutdown closes all sockets. The others see this member fail, unless it was
// made to leave before, over RPC. A call of OnEvent that is under way may outlast Shutdown, which
// OnEvent itself may call.
func (a *Agent) Shutdown() error {
	a.ending.Lock()
	defer a.ending.Unlock()
	a.ordered = true
	return a.shutdown()
}

// shutdown may run more than once. The caller holds ending.
func (a *Agent) shutdown() error {
	a.cancel()
	// memberlist panics when it is shut down in the middle of a leave, which
	// an operator may have asked for through RPC.
	a.awaitLeave()
	err := a.agent.Shutdown()
	if a.ipc != nil {
		a.ipc.Shutdown()
	}
	a.work.Wait()
	a.once.Do(func() { close(a.left) })
	if err != nil {
		return fmt.Errorf("shut down Serf agent: %w", err)
	}
	return nil
}

// ErrConflict says that another member has the name of this node, which has just
// started: the one that was there first stays.
var ErrConflict = errors.New("another member has the name of this node")

// conflict ends the agent because of another node of its name. It does not wait.
func (a *Agent) conflict(err error) {
	go func() {
		a.ending.Lock()
		defer a.ending.Unlock()
		if a.ordered || a.err != nil {
			return
		}
		a.ordered, a.err = true, err
		a.log.Error("this node gives way", "err", err)
		if err := a.shutdown(); err != nil {
			a.log.Error("clean up after Serf", "err", err)
		}
	}()
}

// Left is closed when this node is no longer a member: after Shutdown, after a
// leave over RPC, or when it gave way to another node of its name.
func (a *Agent) Left() <-chan struct{} { return a.left }

// Err returns why Left is closed: an ErrConflict, another error if Serf has ended
// by itself, or nil if somebody asked for it.
func (a *Agent) Err() error {
	a.ending.Lock()
	defer a.ending.Unlock()
	return a.err
}

// awaitLeave waits while a leave is under way.
func (a *Agent) awaitLeave() {
	limit := time.After(leaveLimit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for a.agent.Serf().State() == hserf.SerfLeaving {
		select {
		case <-limit:
			return
		case <-tick.C:
		}
	}
}

// watch cleans up when Serf ends on request over RPC or by itself.
func (a *Agent) watch() {
	<-a.agent.ShutdownCh()
	a.ending.Lock()
	defer a.ending.Unlock()
	if a.ordered {
		return
	}
	switch self := a.self(); self.Status {
	case StatusLeft, StatusLeaving:
		a.log.Info("left the federation on request over Serf RPC")
	default:
		a.err = errors.New("shut down by Serf itself")
		a.log.Error("this node ends", "node", self.Name, "err", a.err)
	}
	if err := a.shutdown(); err != nil {
		a.log.Error("clean up after Serf", "err", err)
	}
}
