package serf

import (
	"context"
	"time"

	hserf "github.com/hashicorp/serf/serf"
)

// observer turns Serf's events into calls of emit. Serf drops events silently
// when its channels fill up, so the observer also compares what it has emitted
// with the member list and emits what is missing.
type observer struct {
	self    string
	emit    func(Event)
	own     func(Member) // called with this member, for its tags
	members func() []Member
	queue   *queue[Event]
	told    map[string]Member // by name, as last emitted
}

func newObserver(self string, emit func(Event), members func() []Member) *observer {
	if emit == nil {
		emit = func(Event) {}
	}
	return &observer{
		self:    self,
		emit:    emit,
		own:     func(Member) {},
		members: members,
		queue:   newQueue[Event](),
		told:    make(map[string]Member),
	}
}

// HandleEvent is called by Serf's loop. It only enqueues: Serf's state cannot
// change while it runs.
func (o *observer) HandleEvent(e hserf.Event) {
	me, ok := e.(hserf.MemberEvent)
	if !ok {
		return
	}
	kind, ok := kindOf(me.Type)
	if !ok {
		return
	}
	for _, m := range me.Members {
		o.queue.push(Event{Kind: kind, Member: memberOf(m)})
	}
}

// run emits events until ctx ends.
func (o *observer) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.queue.ready:
			o.drain(ctx)
		case <-tick.C:
			o.drain(ctx)
			o.reconcile(ctx, o.members())
		}
	}
}

func (o *observer) drain(ctx context.Context) {
	for _, e := range o.queue.take() {
		o.tell(ctx, e)
	}
}

// tell emits e unless reconcile has already emitted the same.
func (o *observer) tell(ctx context.Context, e Event) {
	m := e.Member
	if m.Name == o.self && ctx.Err() == nil && e.Kind != EventReap {
		o.own(m)
	}
	if m.Name == o.self || ctx.Err() != nil {
		return
	}
	old, known := o.told[m.Name]
	switch {
	case e.Kind == EventReap && !known:
		return
	case e.Kind == EventReap:
		delete(o.told, m.Name)
	case known && same(old, m):
		return
	default:
		o.told[m.Name] = m
	}
	o.emit(e)
}

// reconcile emits what makes told equal to list.
func (o *observer) reconcile(ctx context.Context, list []Member) {
	listed := make(map[string]bool, len(list))
	for _, m := range list {
		listed[m.Name] = true
		old, known := o.told[m.Name]
		if known && same(old, m) {
			continue
		}
		o.tell(ctx, Event{Kind: change(old, m), Member: m})
	}
	for name, m := range o.told {
		if !listed[name] {
			o.tell(ctx, Event{Kind: EventReap, Member: m})
		}
	}
}

// change names the event that leads from old (zero: unknown) to m.
func change(old, m Member) Kind {
	switch {
	case m.Status == StatusLeft:
		return EventLeave
	case m.Status == StatusFailed:
		return EventFailed
	case old.Status.up():
		return EventUpdate
	}
	return EventJoin
}
