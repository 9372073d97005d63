package chaos

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// levelLimit is how long after the last fault every view must equal the truth.
const levelLimit = 10 * time.Second

// final is what was found after the last fault.
type final struct {
	level   time.Duration // until every view was the truth
	differ  []string      // what still differed at the limit
	unheard int           // users that nobody could have heard until their next refresh
}

// settleDown compares the whole view of every node with the truth until they
// are equal or time is up. Then those users refresh whose REGISTER no
// federator heard, which must bring them level too.
func (l *Lab) settleDown(ctx context.Context, stop chan struct{}) final {
	began := time.Now()
	f := final{differ: l.await(ctx, began.Add(levelLimit))}
	f.level = time.Since(began)
	close(stop)
	l.w.mu.Lock()
	now := time.Now()
	for _, u := range l.w.users {
		if u.home != nowhere && !u.heard {
			f.unheard++
			l.refresh(u, now)
			u.heard, u.heardAt = true, now.Add(listening)
		}
	}
	l.w.mu.Unlock()
	if f.unheard > 0 && len(f.differ) == 0 {
		for _, d := range l.await(ctx, now.Add(afterMove)) {
			f.differ = append(f.differ, "after a refresh: "+d)
		}
	}
	return f
}

// await returns what differs at the deadline, or nothing as soon as all views
// are level.
func (l *Lab) await(ctx context.Context, deadline time.Time) []string {
	for {
		var mu sync.Mutex
		var all []string
		var tasks sync.WaitGroup
		for _, n := range l.nodes {
			tasks.Go(func() {
				d := l.compare(n)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, d...)
			})
		}
		tasks.Wait()
		if len(all) == 0 || time.Now().After(deadline) || !sleep(ctx, 200*time.Millisecond) {
			slices.Sort(all)
			return all
		}
	}
}

// compare returns how what a node holds and answers differs from the truth.
func (l *Lab) compare(n *node) (differ []string) {
	for home := range l.nodes {
		got, err := l.transfer(n, nodeName(home))
		if err != nil {
			differ = append(differ, fmt.Sprintf("%s: zone of %s: %v", n.name, nodeName(home), err))
			continue
		}
		differ = append(differ, l.compareZone(n, home, got)...)
	}
	if len(differ) > 0 {
		return differ
	}
	return l.compareAnswers(n)
}

// binding names a contact in a home zone.
type binding struct {
	aor string
	id  location.ContactID
}

func (l *Lab) compareZone(n *node, home int, got map[binding]bool) (differ []string) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	soon := time.Now().Add(2 * time.Second)
	for _, u := range l.w.users {
		c, ok := u.held[home]
		if !ok {
			continue
		}
		b := binding{u.aor, location.Contact{Kind: location.PJSIP, URI: c.uri}.ID()}
		if !got[b] && c.expires.After(soon) {
			differ = append(differ, fmt.Sprintf("%s: zone of %s lacks %s", n.name, nodeName(home), u.aor))
		}
		delete(got, b)
	}
	for b := range got {
		differ = append(differ, fmt.Sprintf("%s: zone of %s still holds %s", n.name, nodeName(home), b.aor))
	}
	return differ
}

// transfer asks a node, from within it, for the home zone that it holds.
func (l *Lab) transfer(n *node, home string) (map[binding]bool, error) {
	var conn net.Conn
	err := n.ns.do(func() (err error) {
		conn, err = net.DialTimeout("tcp", "127.0.0.1:53", time.Second)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	secrets := map[string]string{keyName: l.key}
	tr := dns.Transfer{Conn: &dns.Conn{Conn: conn, TsigSecret: secrets}, TsigSecret: secrets,
		ReadTimeout: 3 * time.Second, WriteTimeout: time.Second}
	apex := record.HomeZone(home, origin)
	m := new(dns.Msg)
	m.SetAxfr(apex)
	m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	envelopes, err := tr.In(m, "")
	if err != nil {
		return nil, err
	}
	out := map[binding]bool{}
	for e := range envelopes {
		if e.Error != nil {
			err = e.Error
		}
		for _, rr := range e.RR {
			if txt, ok := rr.(*dns.TXT); ok {
				b, node, perr := record.ParseTXT(txt, apex)
				if perr != nil {
					err = perr
				} else if node == nil {
					out[binding{string(b.AOR), b.Contact}] = true
				}
			}
		}
	}
	return out, err
}

// compareAnswers asks a node for every user.
func (l *Lab) compareAnswers(n *node) (differ []string) {
	var conn net.Conn
	err := n.ns.do(func() (err error) {
		conn, err = net.Dial("udp", "127.0.0.1:53")
		return err
	})
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", n.name, err)}
	}
	defer conn.Close()
	client := dns.Client{Timeout: patience}
	for _, u := range l.w.users {
		m := new(dns.Msg)
		m.SetQuestion(owner(u.aor), dns.TypeNAPTR)
		r, _, err := client.ExchangeWithConn(m, &dns.Conn{Conn: conn})
		if err != nil {
			differ = append(differ, fmt.Sprintf("%s: %s: %v", n.name, u.aor, err))
			continue
		}
		if d := l.differs(u, best(r)); d != "" {
			differ = append(differ, n.name+": "+d)
		}
	}
	return differ
}

func (l *Lab) differs(u *user, home int) string {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	_, listed := u.held[home]
	switch {
	case home == u.home, u.home == nowhere && listed, u.home != nowhere && !u.heard:
		return ""
	case u.home == nowhere && home == nowhere && len(u.held) == 0:
		return ""
	}
	return fmt.Sprintf("%s is at %s, answered %s, listed at %s", u.aor, homeName(u.home), homeName(home), listedAt(u))
}
