package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profilePort is where a node tells pprof what it spends its time on.
const profilePort = "6053"

// profile writes the CPU profile of a node, taken for so long from now on, into
// the folder that -profile names, and returns what waits for it.
func (b *bench) profile(m *member, name string, d time.Duration) (wait func() error) {
	if b.profiles == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		done <- b.fetch(fmt.Sprintf("http://%s:%s/debug/pprof/profile?seconds=%d", m.addr, profilePort, int(d.Seconds())), name)
	}()
	return func() error { return <-done }
}

func (b *bench) fetch(url, name string) error {
	r, err := http.Get(url)
	if err != nil {
		return fmt.Errorf("take profile: %w", err)
	}
	defer r.Body.Close()
	f, err := os.Create(filepath.Join(b.profiles, name+".pprof"))
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	if _, err = io.Copy(f, r.Body); err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}
