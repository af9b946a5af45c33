package main

import (
	"testing"

	"fhevm/accel"
)

// Every cell has a line of its present circuit.
func TestCurrent(t *testing.T) {
	book, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells() {
		if !book.has(c, c.circuit(t.Context())) {
			t.Errorf("%v: the circuit is new or has changed: run make matrix", c)
		}
	}
}

// The cells on up to 16 bits, or 8 where the fastest arithmetic is slow, have
// the recorded digests on whatever this machine computes with.
func TestDigests(t *testing.T) {
	book, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork()
	defer n.engine.Close()
	width, most := 16, 150
	if accel.Implementations("fft")[0] == accel.Portable {
		width, most = 8, 12
	}
	checked := 0
	for _, c := range cells() {
		if c.Type.Bits() > width || c.Cost().Bootstraps > most {
			continue
		}
		checked++
		got, err := n.evaluate(t.Context(), c)
		if err != nil {
			t.Errorf("%v: %v", c, err)
		} else if want := book.lines[c.String()].digest; short(got) != want {
			t.Errorf("%v: digest %s, want %s", c, short(got), want)
		}
	}
	if checked < 50 {
		t.Errorf("only %d cells were evaluated", checked)
	}
}
