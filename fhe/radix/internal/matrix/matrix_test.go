package main

import (
	"math"
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

// The cells on up to 16 bits have the recorded digests on whatever this machine
// computes with; where arithmetic is portable, those on 8 that take a few seconds at
// most. make portable runs this on the slower implementations.
func TestDigests(t *testing.T) {
	book, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	width, most := 16, math.MaxInt
	if accel.Implementations("fft")[0] == accel.Portable {
		width, most = 8, 24
	}
	n := newNetwork(&tfhe.Default)
	n.test(t, width, most, func(c cell, got fhe.Digest) {
		if want := book.lines[c.String()].digest; short(got) != want {
			t.Errorf("%v: digest %s, want %s", c, short(got), want)
		}
	})
}

// Every cell on up to 16 bits agrees with plain arithmetic, on whatever this machine
// computes with. A small key of 64 bits protects nothing and makes a bootstrap
// fourteen times cheaper, so that portable arithmetic has the time for all of them.
func TestShortKey(t *testing.T) {
	p := tfhe.Default
	p.LWEDim = 64
	newNetwork(&p).test(t, 16, math.MaxInt, func(cell, fhe.Digest) {})
}

// test evaluates the cells of so many bits and bootstraps at most, compares their
// results with plain arithmetic and gives check their digests.
func (n *network) test(t *testing.T, width, most int, check func(cell, fhe.Digest)) {
	defer n.engine.Close()
	var g errgroup.Group
	g.SetLimit(together)
	checked := 0
	for _, c := range cells() {
		if c.Type.Bits() > width || c.Cost().Bootstraps > most {
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
