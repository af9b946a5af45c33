package main

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"fhevm/accel"
	"fhevm/fhe"
	"fhevm/fhe/internal/parallel"
	"fhevm/fhe/tfhe"
)

// Every cell has a line of its present circuit.
func TestCurrent(t *testing.T) {
	book, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	all := cells()
	parallel.For(len(all), func(i int) {
		if c := all[i]; !book.has(c, c.circuit(t.Context())) {
			t.Errorf("%v: the circuit is new or has changed: run make matrix", c)
		}
	})
}

// The cells on up to 8 bits have the recorded digests on whatever this machine
// computes with. make portable runs this on a slower implementation.
func TestDigests(t *testing.T) {
	book, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	narrow := func(c cell) bool { return c.Type.Bits() <= 8 }
	newNetwork(&tfhe.Default).test(t, narrow, func(c cell, got fhe.Digest) {
		if want := book.lines[c.String()].digest; short(got) != want {
			t.Errorf("%v: digest %s, want %s", c, short(got), want)
		}
	})
}

// shortDigest is that of the results on up to 16 bits under the short key, the same
// on every implementation. It changes with circuits.
const shortDigest = "3056cb7fe3ebbad4"

// Every cell on up to 16 bits agrees with plain arithmetic, on whatever this machine
// computes with, bit for bit as on others, and where that is not portable every cell
// on 32 and 64 but the heavy ones. A small key of 16 bits protects nothing and makes
// a bootstrap many times cheaper, so that portable arithmetic has the time.
func TestShortKey(t *testing.T) {
	p := tfhe.Default
	p.LWEDim = 16
	portable := accel.Implementations("fft")[0] == accel.Portable
	cheap := func(c cell) bool {
		return c.Type.Bits() <= 16 || c.Type.Bits() <= 64 && !portable && c.Cost().Bootstraps <= 300
	}
	var mu sync.Mutex
	var digests []string
	newNetwork(&p).test(t, cheap, func(c cell, got fhe.Digest) {
		mu.Lock()
		defer mu.Unlock()
		if c.Type.Bits() <= 16 {
			digests = append(digests, c.String()+" "+short(got))
		}
	})
	slices.Sort(digests)
	if got := short(fhe.Keccak([]byte(strings.Join(digests, "\n")))); got != shortDigest {
		t.Errorf("digest of all results on up to 16 bits %s, want %s", got, shortDigest)
	}
}

// test evaluates the cells that are wanted, compares their results with plain
// arithmetic and gives check their digests.
func (n *network) test(t *testing.T, wanted func(cell) bool, check func(cell, fhe.Digest)) {
	defer n.engine.Close()
	var g errgroup.Group
	g.SetLimit(together)
	checked := 0
	for _, c := range cells() {
		if !wanted(c) {
			continue
		}
		checked++
		g.Go(func() error {
			got, err := n.evaluate(t.Context(), c)
			if err != nil {
				t.Errorf("%v: %v", c, err)
				return nil
			}
			check(c, got)
			return nil
		})
	}
	_ = g.Wait() // functions report by themselves
	if checked < 50 {
		t.Errorf("only %d cells were evaluated", checked)
	}
	t.Logf("%d cells", checked)
}
