package node

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/asterfed/asterfed/serf"
)

// What Serf reports while a request is taken away is that request once more: it is not
// carried out again, after the next one.
func TestRequestIsCarriedOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var log strings.Builder
		d := &drain{log: slog.New(slog.NewTextHandler(&log, nil))}
		tags := make(chan serf.Member, 1)
		asks := func(what string) serf.Member { return serf.Member{Tags: map[string]string{requestTag: what}} }
		late := sync.OnceFunc(func() { tags <- asks("first") })
		go d.follow(ctx, tags, late)
		tags <- asks("first")
		synctest.Wait()
		if n := strings.Count(log.String(), "request=first"); n != 1 {
			t.Errorf("carried out %d times, want once", n)
		}
		cancel()
		synctest.Wait()
	})
}
