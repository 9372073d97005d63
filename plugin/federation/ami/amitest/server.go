package amitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Config describes the Asterisk to play. The zero value is an Asterisk 22 on
// an unused loopback port that takes any login.
type Config struct {
	// Addr is where AMI listens, "127.0.0.1:0" if empty. "-" listens nowhere:
	// Server.Dial is then the only way in.
	Addr string
	// SIPAddr is a UDP address on which SIP OPTIONS are answered with 200
	// while the server runs. Empty: none.
	SIPAddr string
	// User and Secret are checked at login unless both are empty.
	User, Secret string
	SystemName   string // "a" if empty
	// Realtime: some configuration, perhaps contacts, is in a database.
	Realtime bool
	Version  int // 16 or 22; 22 if zero
	// OneLogin is allowmultiplelogin=no: another session of the user is refused.
	OneLogin bool
	// MaxContacts of an AOR, 1 if zero. With one more the oldest is replaced
	// (remove_existing=yes).
	MaxContacts int
	// CheckInterval is contact_expiration_check_interval, 30 s if zero.
	CheckInterval time.Duration
	// BootTime is from the start of AMI to FullyBooted after Start and
	// Restart, 0 by default.
	BootTime time.Duration
	// Chatty sends the events of classes call, security and reporting too,
	// as a user with read=all sees them in a build with the test framework.
	Chatty bool
	// OnError is called with every error that Errors would return.
	OnError func(error)
	Now     func() time.Time // time.Now if nil
}

// Server is one fake Asterisk. Its methods are safe for concurrent use.
//
// It has many of them, because a test says what happens at an Asterisk (a phone
// registers, a trunk fails, a queue appears) by a method for each, and each must
// show in events and listings alike.
type Server struct {
	cfg Config

	mu       sync.Mutex
	ln       net.Listener
	sip      net.PacketConn
	addr     string // kept over Stop and Start
	sipAddr  string
	sessions map[*session]struct{}
	running  bool
	muted    bool
	booted   bool
	started  time.Time
	bootedBy *time.Timer
	stop     chan struct{} // closed by Stop: ends the goroutines of this run
	wg       sync.WaitGroup

	read, write string // permission classes, "all" for every one
	version     int
	filter      filter
	aors        map[string]*aor
	order       []string // AORs in the order of their first registration
	peers       map[string]*peer
	channels    [][3]string
	rooms       map[string]bool
	queues      map[string]queue
	parked      map[string]bool
	refuse      map[string]string // action → message of the error it answers
	actions     []Action
	counts      map[string]int
	errs        []error
}

// New starts a server.
func New(cfg Config) (*Server, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.SystemName == "" {
		cfg.SystemName = "a"
	}
	if cfg.Version == 0 {
		cfg.Version = 22
	}
	if cfg.MaxContacts == 0 {
		cfg.MaxContacts = 1
	}
	if cfg.CheckInterval == 0 {
		cfg.CheckInterval = 30 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{
		cfg: cfg, addr: cfg.Addr, sipAddr: cfg.SIPAddr,
		sessions: map[*session]struct{}{},
		read:     "all", write: "all", version: cfg.Version,
		aors: map[string]*aor{}, peers: map[string]*peer{},
		rooms: map[string]bool{}, queues: map[string]queue{}, parked: map[string]bool{},
		refuse: map[string]string{}, counts: map[string]int{},
	}
	// A server that has been up for long when the test begins.
	if err := s.start(0, time.Hour); err != nil {
		return nil, err
	}
	return s, nil
}

// Addr returns the address of AMI.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// SIPAddr returns the address on which SIP OPTIONS are answered.
func (s *Server) SIPAddr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sipAddr
}

// Close stops the server for good and waits for its goroutines.
func (s *Server) Close() { s.Stop() }

// Start starts a stopped server at the same addresses. Like a real one it
// takes logins at once, announces the contacts it kept, and reports
// FullyBooted BootTime later.
func (s *Server) Start() error { return s.start(s.cfg.BootTime, 0) }

func (s *Server) start(boot, uptime time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return errors.New("start server: it is running")
	}
	if s.addr != "-" {
		ln, err := net.Listen("tcp", s.addr)
		if err != nil {
			return fmt.Errorf("listen for AMI: %w", err)
		}
		s.ln, s.addr = ln, ln.Addr().String()
	}
	if s.sipAddr != "" {
		pc, err := net.ListenPacket("udp", s.sipAddr)
		if err != nil {
			if s.ln != nil {
				s.ln.Close()
			}
			return fmt.Errorf("listen for SIP: %w", err)
		}
		s.sip, s.sipAddr = pc, pc.LocalAddr().String()
		s.wg.Go(func() { answerOptions(pc) })
	}
	s.running, s.booted, s.stop = true, false, make(chan struct{})
	s.started = s.cfg.Now().Add(-uptime)
	if ln := s.ln; ln != nil {
		s.wg.Go(func() { s.accept(ln) })
	}
	stop := s.stop
	s.wg.Go(func() { s.expire(stop) })
	if boot <= 0 {
		s.finishBoot()
		return nil
	}
	s.bootedBy = time.AfterFunc(boot/2, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.announce(stop)
	})
	s.wg.Go(func() {
		select {
		case <-time.After(boot):
			s.FinishBoot()
		case <-stop:
		}
	})
	return nil
}

// FinishBoot ends a boot now: FullyBooted goes out.
func (s *Server) FinishBoot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.finishBoot()
	}
}

func (s *Server) finishBoot() {
	if s.booted {
		return
	}
	s.booted = true
	s.emit("system", s.fullyBooted())
}

// Dial is a connection to the server through memory, for ami.Config.Dial. The
// arguments are ignored.
func (s *Server) Dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return nil, errors.New("dial: connection refused")
	}
	near, far := net.Pipe()
	s.serve(far)
	return near, nil
}

func (s *Server) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.running && s.ln == ln {
			s.serve(conn)
		} else {
			conn.Close()
		}
		s.mu.Unlock()
	}
}
