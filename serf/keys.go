package serf

import "fmt"

// Keys tells which gossip keys the members have installed. A key that all have
// (On[key] == Members) may be used; one that nobody uses may be removed.
type Keys struct {
	Members int               // asked
	On      map[string]int    // members that have the key, by base64 key
	Errors  map[string]string // what members answered that could not, by name
}

// Everywhere reports whether every member has key.
func (k Keys) Everywhere(key string) bool {
	return k.Members > 0 && k.On[key] == k.Members
}

// Keys asks every member which keys it has. An error together with counts
// means that some did not answer.
func (c *Client) Keys() (keys Keys, err error) {
	err = c.call("list keys", longLimit, func() error {
		keys.On, keys.Members, keys.Errors, err = c.rpc.ListKeys()
		return err
	})
	return keys, err
}

// InstallKey gives every member another key (base64 of 16, 24 or 32 bytes),
// which they accept from then on. The counts are those after it, also with an
// error.
func (c *Client) InstallKey(key string) (Keys, error) {
	if err := CheckKey(key); err != nil {
		return Keys{}, fmt.Errorf("install key: %w", err)
	}
	return c.change("install key", key, c.rpc.InstallKey)
}

// UseKey makes every member send with key. It refuses while a member lacks the
// key, for that one would be cut off.
func (c *Client) UseKey(key string) (Keys, error) {
	keys, err := c.Keys()
	if err != nil {
		return keys, fmt.Errorf("use key: %w", err)
	}
	if !keys.Everywhere(key) {
		return keys, fmt.Errorf("use key: %d of %d members have it; install it first", keys.On[key], keys.Members)
	}
	return c.change("use key", key, c.rpc.UseKey)
}

// RemoveKey takes a key that is not in use from every member.
func (c *Client) RemoveKey(key string) (Keys, error) {
	return c.change("remove key", key, c.rpc.RemoveKey)
}

// change runs one key operation, then counts.
func (c *Client) change(what, key string, op func(string) (map[string]string, error)) (Keys, error) {
	var errs map[string]string
	err := c.call(what, longLimit, func() (err error) {
		errs, err = op(key)
		return err
	})
	keys, lerr := c.Keys()
	if err != nil {
		keys.Errors = errs
		return keys, err
	}
	return keys, lerr
}
