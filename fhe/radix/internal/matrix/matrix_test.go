package main

import (
	"math"
	"testing"

	"golang.org/x/sync/errgroup"

	"fhevm/accel"
	"fhevm/fhe/internal/parallel"
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
	n := newNetwork()
	defer n.engine.Close()
	width, most := 16, math.MaxInt
	if accel.Implementations("fft")[0] == accel.Portable {
		width, most = 8, 24
	}
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
			} else if want := book.lines[c.String()].digest; short(got) != want {
				t.Errorf("%v: digest %s, want %s", c, short(got), want)
			}
			return nil
		})
	}
	_ = g.Wait() // functions report by themselves
	if checked < 50 {
		t.Errorf("only %d cells were evaluated", checked)
	}
}
