package cluster

import (
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// strait is a TCP proxy that cuts and stalls the connections through it.
type strait struct {
	listener net.Listener
	to       string

	mu      sync.Mutex
	open    *sync.Cond // or closed; uses mu
	stalled bool
	closed  bool
	pairs   map[net.Conn]net.Conn
}

func newStrait(t testing.TB, url string) *strait {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &strait{listener: l, to: strings.TrimPrefix(url, "nats://"), pairs: make(map[net.Conn]net.Conn)}
	s.open = sync.NewCond(&s.mu)
	go s.accept()
	t.Cleanup(s.close)
	return s
}

func (s *strait) url() string { return "nats://" + s.listener.Addr().String() }

func (s *strait) accept() {
	for {
		a, err := s.listener.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", s.to)
		if err != nil {
			a.Close()
			continue
		}
		s.mu.Lock()
		s.pairs[a] = b
		s.mu.Unlock()
		go s.copy(a, b)
		go s.copy(b, a)
	}
}

// copy passes bytes on while nothing stalls them.
func (s *strait) copy(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1<<14)
	for {
		n, err := from.Read(buffer)
		s.mu.Lock()
		for s.stalled && !s.closed {
			s.open.Wait()
		}
		s.mu.Unlock()
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// cut ends all connections.
func (s *strait) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a, b := range s.pairs {
		a.Close()
		b.Close()
	}
	clear(s.pairs)
}

func (s *strait) stall(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stalled = yes
	s.open.Broadcast()
}

func (s *strait) close() {
	s.listener.Close()
	s.cut()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.open.Broadcast()
}

// TestPartition has the workers' and the leader's connections break and stall at
// random. All work gets done, and is the same.
func TestPartition(t *testing.T) {
	for seed := range uint64(2) {
		log := program(400 + seed)
		want := alone(t, log)
		s := startServer(t)
		var straits []*strait
		for range 4 {
			straits = append(straits, newStrait(t, s.URL()))
		}
		h := lead(t, straits[0].url(), vfs.NewMem())
		for _, x := range straits[1:] {
			work(t, x.url(), newEvaluator())
		}
		var storms sync.WaitGroup
		storms.Go(func() { storm(rand.New(rand.NewPCG(seed, 9)), straits) })
		h.feed(t, log.Blocks...)
		h.drain(t)
		storms.Wait()
		h.check(t, log, want)
		if n := h.Stats().Disagreements; n > 0 {
			t.Errorf("seed %d: %d disagreements", seed, n)
		}
		h.stop()
	}
}

// storm disturbs one strait after the other, and then lets them calm down.
func storm(r *rand.Rand, straits []*strait) {
	for range 12 {
		time.Sleep(time.Duration(20+r.IntN(200)) * time.Millisecond) // the moment is what varies: nothing waits for it
		x := straits[r.IntN(len(straits))]
		if r.IntN(2) == 0 {
			x.cut()
			continue
		}
		x.stall(true)
		time.AfterFunc(time.Duration(r.IntN(600))*time.Millisecond, func() { x.stall(false) })
	}
}
