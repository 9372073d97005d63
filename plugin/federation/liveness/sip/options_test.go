package sip

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	for host, from := range map[string]string{"127.0.0.1": "127.0.0.1", "::1": "[::1]"} {
		testOptions(t, host, from)
	}
}

func testOptions(t *testing.T, ip, host string) {
	pc, err := net.ListenPacket("udp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	got := make(chan []byte, 16)
	go func() {
		buf := make([]byte, 4096)
		for i := 0; ; i++ {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			got <- bytes.Clone(buf[:n])
			if i > 0 { // the first request is lost: it must be sent again
				pc.WriteTo([]byte("SIP/2.0 401 Unauthorized\r\n\r\n"), from)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := Options(ctx, "udp", pc.LocalAddr().String()); err != nil {
		t.Fatalf("any response is life: %v", err)
	}
	req := <-got
	for _, want := range []string{"OPTIONS sip:" + host + ":", "SIP/2.0/UDP " + host + ":", "From: <sip:fed@" + host + ">", "Contact: <sip:fed@" + host + ":", "CSeq: 1 OPTIONS\r\n", "\r\n\r\n"} {
		if !bytes.Contains(req, []byte(want)) {
			t.Errorf("request lacks %q:\n%s", want, req)
		}
	}
}

// A zone index says something on this machine alone, and is no part of a SIP URI.
func TestOptionsNamesNoZone(t *testing.T) {
	req := request("udp", "[fe80::2]:5060", "[fe80::1%eth0]:40000")
	if bytes.Contains(req, []byte("%")) || !bytes.Contains(req, []byte("Via: SIP/2.0/UDP [fe80::1]:40000;")) || !bytes.Contains(req, []byte("From: <sip:fed@[fe80::1]>")) {
		t.Errorf("request:\n%s", req)
	}
}

func TestOptionsDead(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := pc.LocalAddr().String()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	pc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	if err := Options(ctx, "udp", closed); err == nil || ctx.Err() != nil {
		t.Errorf("closed port: got %v, want an error at once", err)
	}
	if err := Options(ctx, "udp", silent.LocalAddr().String()); err == nil {
		t.Error("silent server: got nil")
	}
	if err := Options(t.Context(), "tcp", closed); err == nil {
		t.Error("closed TCP port: got nil")
	}
	if err := Connect(t.Context(), closed); err == nil {
		t.Error("connect to a closed TCP port: got nil")
	}
}
