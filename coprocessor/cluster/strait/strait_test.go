package strait

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// answering serves one byte for each that it gets: the byte and its own, exclusive or.
func answering(t *testing.T, own byte) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for b := make([]byte, 1); ; {
					if _, err := io.ReadFull(c, b); err != nil {
						return
					}
					b[0] ^= own
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func newStrait(t *testing.T, to string) *Strait {
	s, err := New(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t *testing.T, s *Strait) net.Conn {
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a byte and returns the answer.
func ask(c net.Conn, b byte) (byte, error) {
	if _, err := c.Write([]byte{b}); err != nil {
		return 0, err
	}
	return answer(c)
}

func answer(c net.Conn) (byte, error) {
	b := make([]byte, 1)
	_, err := io.ReadFull(c, b)
	return b[0], err
}

func TestLead(t *testing.T) {
	s := newStrait(t, answering(t, 1))
	before := dial(t, s)
	if b, err := ask(before, 6); b != 7 || err != nil {
		t.Errorf("%d, %v", b, err)
	}
	s.Lead(answering(t, 2))
	if b, err := ask(dial(t, s), 8); b != 10 || err != nil {
		t.Errorf("the second server says %d, %v", b, err)
	}
	if b, err := ask(before, 8); b != 9 || err != nil {
		t.Errorf("the first server says %d, %v", b, err)
	}
}

func TestEnds(t *testing.T) {
	s := newStrait(t, answering(t, 1))
	for want, end := range map[error]func(){io.EOF: s.Cut, syscall.ECONNRESET: s.Reset} {
		c := dial(t, s)
		if _, err := ask(c, 6); err != nil {
			t.Fatal(err)
		}
		end()
		if _, err := answer(c); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if b, err := ask(dial(t, s), 6); b != 7 || err != nil {
			t.Errorf("afterwards: %d, %v", b, err)
		}
	}
}

// TestHalt: while a direction is halted, nothing arrives by the time that the test waits
// for; then all does.
func TestHalt(t *testing.T) {
	for _, d := range []Direction{Out, Home} {
		s := newStrait(t, answering(t, 1))
		old := dial(t, s)
		if _, err := ask(old, 6); err != nil {
			t.Fatal(err)
		}
		s.Halt(d)
		for _, c := range []net.Conn{old, dial(t, s)} {
			if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if b, err := ask(c, 4); err == nil {
				t.Errorf("direction %d: %d arrived", d, b)
			}
			if err := c.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if b, err := answer(c); b != 5 || err != nil {
					t.Errorf("direction %d: %d, %v", d, b, err)
				}
			}()
		}
		s.Slow(time.Millisecond)
		s.Calm()
	}
}

func TestClose(t *testing.T) {
	s := newStrait(t, answering(t, 1))
	c := dial(t, s)
	if _, err := ask(c, 6); err != nil {
		t.Fatal(err)
	}
	s.Halt(Home)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := answer(c); err == nil {
		t.Error("the connection goes on")
	}
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		c.Close()
		t.Error("it listens")
	}
}
