package serf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/serf/client"
)

// How long calls may take. A leave waits for two broadcasts, a key operation
// for a query to all members, a join for addresses that swallow packets.
const (
	dialLimit = 5 * time.Second
	callLimit = 15 * time.Second
	longLimit = 60 * time.Second
)

// Client speaks to the Serf RPC of an agent, be it a node of the federation or
// any Serf agent. A call that takes too long closes it.
type Client struct {
	rpc *client.RPCClient
}

// ErrRPCKey says that an agent does not accept the key of its RPC.
var ErrRPCKey = errors.New("the key of Serf's RPC is refused")

// Dial connects to the RPC at addr (ip:port). key is what ReadRPCKey returns, ""
// if the agent asks for none. The caller must Close the client.
func Dial(addr, key string) (*Client, error) {
	type result struct {
		rpc *client.RPCClient
		err error
	}
	// The handshake knows no deadline; what answers on addr may not be Serf.
	done := make(chan result, 1)
	go func() {
		rpc, err := client.ClientFromConfig(&client.Config{Addr: addr, AuthKey: key, Timeout: dialLimit})
		done <- result{rpc, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && strings.Contains(r.err.Error(), "Invalid authentication token") {
			return nil, fmt.Errorf("dial Serf RPC %s: %w", addr, ErrRPCKey)
		}
		if r.err != nil {
			return nil, fmt.Errorf("dial Serf RPC %s: %w", addr, r.err)
		}
		return &Client{r.rpc}, nil
	case <-time.After(2 * dialLimit):
		return nil, fmt.Errorf("dial Serf RPC %s: no answer to the handshake (not a Serf agent?)", addr)
	}
}

// Close ends the connection.
func (c *Client) Close() error { return c.rpc.Close() }

// call runs f and closes the client if that takes longer than limit.
func (c *Client) call(what string, limit time.Duration, f func() error) error {
	late := time.AfterFunc(limit, func() { c.rpc.Close() })
	err := f()
	if !late.Stop() {
		err = errors.Join(errors.New("no answer in time"), err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Members returns the members that the agent knows, itself among them.
func (c *Client) Members() (members []Member, err error) {
	err = c.call("list members", callLimit, func() error {
		list, err := c.rpc.Members()
		for _, m := range list {
			ip, _ := netip.AddrFromSlice(m.Addr)
			members = append(members, Member{
				Name:   m.Name,
				Addr:   netip.AddrPortFrom(ip.Unmap(), m.Port),
				Tags:   m.Tags,
				Status: parseStatus(m.Status),
			})
		}
		return err
	})
	return members, err
}

func parseStatus(s string) Status {
	for st := StatusAlive; st <= StatusFailed; st++ {
		if st.String() == s {
			return st
		}
	}
	return 0
}

// Join makes the agent join the members at addrs (host or host:port) and
// returns how many of them answered. It fails if none did.
func (c *Client) Join(addrs []string) (n int, err error) {
	err = c.call("join", longLimit, func() error {
		n, err = c.rpc.Join(addrs, false)
		return err
	})
	return n, err
}

// Self returns the name of the agent's own member.
func (c *Client) Self() (string, error) {
	stats, err := c.stats()
	if err != nil {
		return "", err
	}
	return stats["agent"]["name"], nil
}

// SetTag gives the agent's own member one more tag, as `serf tags -set` does.
func (c *Client) SetTag(key, value string) error {
	return c.call("set tag "+key, callLimit, func() error {
		return c.rpc.UpdateTags(map[string]string{key: value}, nil)
	})
}

// Leave makes the agent leave and end.
func (c *Client) Leave() error {
	return c.call("leave", callLimit, c.rpc.Leave)
}

// ForceLeave declares that the failed member name has left, so that nobody waits
// for it to return. It refuses for one that is alive, which would refute it.
func (c *Client) ForceLeave(name string) error {
	list, err := c.Members()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(m Member) bool { return m.Name == name })
	if i < 0 {
		return fmt.Errorf("declare that %s has left: no member has this name", name)
	}
	if s := list[i].Status; s != StatusFailed {
		return fmt.Errorf("declare that %s has left: it is %s; run leave on the node itself", name, s)
	}
	return c.call("declare that "+name+" has left", callLimit, func() error { return c.rpc.ForceLeave(name) })
}

// stats returns what `serf info` prints: figures by name in sections such as
// "agent", "serf", "runtime" and "tags".
func (c *Client) stats() (stats map[string]map[string]string, err error) {
	err = c.call("get statistics", callLimit, func() error {
		stats, err = c.rpc.Stats()
		return err
	})
	return stats, err
}
