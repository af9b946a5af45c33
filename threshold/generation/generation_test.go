package generation

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/dkg"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
)

// few is a parameter set with few secrets and errors.
var few = tfhe.Params{
	Name: "few secrets", LWEDim: 12, LWENoise: 2, GLWEDim: 1, PolySize: 2048, GLWENoise: 17, BootstrapBaseLog: 23, BootstrapLevel: 1,
	KeySwitchBaseLog: 4, KeySwitchLevel: 4, PackSize: 256, PackBaseLog: 2, PackLevel: 6, PackBits: 11, KeyShares: 1,
}

// members are parties of this process, each with a listener.
func members(t *testing.T) (c *threshold.Committee, ids []*identity.Identity, listeners []net.Listener) {
	t.Helper()
	c = &threshold.Committee{Epoch: threshold.Epoch{Number: 1}, Policy: threshold.Policy{Coprocessors: []fhe.Address{{1}}, Need: 1}}
	for i := range 4 {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ids, listeners = append(ids, id), append(listeners, l)
		c.Members = append(c.Members, id.Member(threshold.PartyID(i+1), l.Addr().String()))
	}
	margin, err := prss.NewMargin(c.Quorum(), dkg.Noise(c.Quorum()))
	if err != nil {
		t.Fatal(err)
	}
	c.Noise, c.Stat = margin.Noise, margin.Stat
	return c, ids, listeners
}

type ended struct {
	party  int
	result *Result
	err    error
}

// start has the given parties take part.
func start(t *testing.T, parties []int, patience time.Duration) <-chan ended {
	t.Helper()
	c, ids, listeners := members(t)
	run, err := dkg.NewRun(c, &few, fhe.Digest{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan ended, len(parties))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	for _, i := range parties {
		go func() {
			r, err := Generate(ctx, Config{
				Run: run, Party: threshold.PartyID(i + 1), Identity: ids[i], Listener: listeners[i], Gather: patience, Patience: patience,
			})
			out <- ended{i, r, err}
		}()
	}
	return out
}

// TestGenerate has four parties make keys over mutual TLS.
func TestGenerate(t *testing.T) {
	out := start(t, []int{0, 1, 2, 3}, 0)
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
	out := start(t, []int{0, 1, 3}, 300*time.Millisecond)
	for range 3 {
		e := <-out
		var f *dkg.Failure
		if !errors.As(e.err, &f) || len(f.Blames) != 1 || f.Blames[0].Party != 3 || !strings.Contains(e.err.Error(), "party 3: sent no commitments") {
			t.Errorf("party %d: %v", e.party+1, e.err)
		}
	}
}
