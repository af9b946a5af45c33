// Package strait is a TCP proxy for tests. It breaks, halts and slows the connections
// between the machines of a cluster, as networks do.
package strait

import (
	"net"
	"sync"
	"time"
)

// Strait passes connections on to a server.
type Strait struct {
	listener net.Listener

	mu      sync.Mutex
	changed *sync.Cond // what follows; uses mu
	to      string
	halted  [2]bool // in each direction
	delay   time.Duration
	closed  bool
	conns   map[net.Conn]bool // of both sides
}

// Direction is that of a connection's bytes.
type Direction int

// Directions as the client sees them.
const (
	Out  Direction = iota // to the server
	Home                  // from the server
)

// New listens on a free port of this machine and passes on to a server at HOST:PORT.
func New(to string) (*Strait, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Strait{listener: l, to: to, conns: make(map[net.Conn]bool)}
	s.changed = sync.NewCond(&s.mu)
	go s.accept()
	return s, nil
}

// Addr is where the strait listens, HOST:PORT.
func (s *Strait) Addr() string { return s.listener.Addr().String() }

// Lead passes later connections on to another server.
func (s *Strait) Lead(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
}

// Cut ends all connections. New ones may come.
func (s *Strait) Cut() { s.end(net.Conn.Close) }

// Reset breaks all connections: both sides have a reset (RST) instead of an end. New
// ones may come.
func (s *Strait) Reset() {
	s.end(func(c net.Conn) error {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // the close below says the same, less clearly
		}
		return c.Close()
	})
}

func (s *Strait) end(how func(net.Conn) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = how(c) // its other side may have ended it
	}
	clear(s.conns)
}

// Halt keeps all bytes of a direction back, also those of new connections, which stay
// open: a partition that nobody is told of.
func (s *Strait) Halt(d Direction) {
	s.set(func() { s.halted[d] = true })
}

// Slow keeps each piece of at most 16 KB back for so long.
func (s *Strait) Slow(delay time.Duration) {
	s.set(func() { s.delay = delay })
}

// Calm ends Halt and Slow. What was kept back arrives.
func (s *Strait) Calm() {
	s.set(func() { s.halted, s.delay = [2]bool{}, 0 })
}

// Close ends everything.
func (s *Strait) Close() error {
	err := s.listener.Close()
	s.set(func() { s.closed = true })
	s.Cut()
	return err
}

func (s *Strait) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.changed.Broadcast()
}

func (s *Strait) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.join(client)
	}
}

// join connects a client with the server, if that is there.
func (s *Strait) join(client net.Conn) {
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		client.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		client.Close()
		server.Close()
		return
	}
	s.conns[client], s.conns[server] = true, true
	go s.copy(server, client, Out)
	go s.copy(client, server, Home)
}

// copy passes bytes on, and then the end of the connection.
func (s *Strait) copy(to, from net.Conn, d Direction) {
	defer s.drop(to)
	buffer := make([]byte, 1<<14)
	for {
		n, err := from.Read(buffer)
		s.pause(d)
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// pause lasts as long as bytes of a direction are kept back.
func (s *Strait) pause(d Direction) {
	s.mu.Lock()
	for s.halted[d] && !s.closed {
		s.changed.Wait()
	}
	delay := s.delay
	s.mu.Unlock()
	time.Sleep(delay)
}

func (s *Strait) drop(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
