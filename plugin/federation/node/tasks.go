package node

import (
	"context"
	"sync"
)

// tasks are the goroutines of a node. They end when ctx does.
type tasks struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newTasks() *tasks {
	t := new(tasks)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

func (t *tasks) run(f func(ctx context.Context)) { t.wg.Go(func() { f(t.ctx) }) }

// stop ends the tasks and waits for them.
func (t *tasks) stop() {
	t.cancel()
	t.wg.Wait()
}
