package serf

import "sync"

// queue is an unbounded queue: push never blocks, so that Serf's own event
// loop never waits for a slow observer. Safe for concurrent use.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	ready chan struct{} // holds one token while items may be there
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{ready: make(chan struct{}, 1)}
}

func (q *queue[T]) push(items ...T) {
	q.mu.Lock()
	q.items = append(q.items, items...)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns all items, oldest first, and empties the queue.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}
