package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"syscall"
)

// keepBusy runs so many processes that do nothing but turn, at the priority of
// the nodes, until ctx ends. They die with this process too.
func keepBusy(ctx context.Context, n int) (wait func(), err error) {
	var all []*exec.Cmd
	wait = func() {
		for _, c := range all {
			_ = c.Wait() // killed
		}
	}
	for range n {
		c := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := c.Start(); err != nil {
			return wait, fmt.Errorf("start a busy loop: %w", err)
		}
		all = append(all, c)
	}
	return wait, nil
}
