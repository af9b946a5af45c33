package generation

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/dkg"
	"fhevm/threshold/identity"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/prss"
)

// meeting is parties of this process, each with a listener.
type meeting struct {
	run       *dkg.Run
	ids       []*identity.Identity
	listeners []net.Listener
	dial      dialer
	pipes     map[string]*bufconn.Listener     // of parties that meet in memory
	keep      func(party int, r *Result) error // nil keeps nothing
}

// overTCP is parties that meet over the machine's own network.
func overTCP(t *testing.T) *meeting {
	return gather(t, func(int) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }, nil)
}

// inMemory is parties that meet in memory, so that a test may own their time.
func inMemory(t *testing.T) *meeting {
	pipes := map[string]*bufconn.Listener{}
	listen := func(i int) (net.Listener, error) {
		l := bufconn.Listen(1 << 16)
		pipes[named{l, i}.Addr().String()] = l
		return named{l, i}, nil
	}
	m := gather(t, listen, func(ctx context.Context, address string) (net.Conn, error) { return pipes[address].DialContext(ctx) })
	m.pipes = pipes
	return m
}

// named is a listener with an address of its own.
type named struct {
	net.Listener
	number int
}

func (n named) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n.number + 1} }

func gather(t *testing.T, listen func(int) (net.Listener, error), dial dialer) *meeting {
	t.Helper()
	m := &meeting{dial: dial}
	c := &threshold.Committee{Epoch: threshold.Epoch{Number: 1}, Policy: threshold.Policy{Coprocessors: []fhe.Address{{1}}, Need: 1}}
	for i := range 4 {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		l, err := listen(i)
		if err != nil {
			t.Fatal(err)
		}
		m.ids, m.listeners = append(m.ids, id), append(m.listeners, l)
		c.Members = append(c.Members, id.Member(threshold.PartyID(i+1), l.Addr().String()))
	}
	margin, err := prss.NewMargin(c.Quorum(), dkg.Noise(c.Quorum()))
	if err != nil {
		t.Fatal(err)
	}
	c.Noise, c.Stat = margin.Noise, margin.Stat
	if m.run, err = dkg.NewRun(c, &lwetest.Few, fhe.Digest{}, 0); err != nil {
		t.Fatal(err)
	}
	return m
}

type ended struct {
	party  int
	result *Result
	err    error
}

// start has the given parties take part.
func (m *meeting) start(t *testing.T, parties []int, patience time.Duration) <-chan ended {
	out := make(chan ended, len(parties))
	for _, i := range parties {
		go func() {
			r, err := Generate(t.Context(), m.config(i, patience))
			out <- ended{i, r, err}
		}()
	}
	return out
}

func (m *meeting) config(i int, patience time.Duration) Config {
	c := Config{Run: m.run, Party: threshold.PartyID(i + 1), Identity: m.ids[i], Listener: m.listeners[i], Gather: patience, Patience: patience, dial: m.dial}
	if m.keep != nil {
		c.Keep = func(r *Result) error { return m.keep(i, r) }
	}
	return c
}

// TestGenerate has four parties make keys over mutual TLS.
func TestGenerate(t *testing.T) {
	out := overTCP(t).start(t, []int{0, 1, 2, 3}, 0)
	var key fhe.Digest
	for range 4 {
		e := <-out
		if e.err != nil {
			t.Fatalf("party %d: %v", e.party+1, e.err)
		}
		if key == (fhe.Digest{}) {
			key = e.result.Keys.ID()
		}
		if e.result.Keys.ID() != key || e.result.Secret.Committee.Epoch.Key != key || len(e.result.Certificate) != 4 {
			t.Errorf("party %d: key %s, want %s", e.party+1, e.result.Keys.ID(), key)
		}
	}
}

// TestAbsent gives up when a party never appears, and says which.
func TestAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := inMemory(t).start(t, []int{0, 1, 3}, time.Minute)
		for range 3 {
			e := <-out
			var f *dkg.Failure
			if !errors.As(e.err, &f) || len(f.Blames) != 1 || f.Blames[0].Party != 3 || !strings.Contains(e.err.Error(), "party 3: sent no commitments") {
				t.Errorf("party %d: %v", e.party+1, e.err)
			}
		}
	})
}
