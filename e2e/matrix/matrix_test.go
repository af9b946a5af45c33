package main

import "testing"

// TestCurrent demands a line for each cell, with its present cost, and no other.
func TestCurrent(t *testing.T) {
	b, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells() {
		if !b.has(c) {
			t.Errorf("%v costs %s, on record is %q: run make matrix-chain", c, costOf(c), b.lines[c.String()])
		}
		delete(b.lines, c.String())
	}
	for cell := range b.lines {
		t.Errorf("no operation has the cell %q: run make matrix-chain", cell)
	}
}

// TestCellsFit: inputs fit a list, operands the executor.
func TestCellsFit(t *testing.T) {
	names := make(map[string]bool)
	for _, c := range cells() {
		bits := 0
		for _, v := range c.inputs() {
			bits += v.Type.Bits()
		}
		if bits > 2048 || names[c.String()] {
			t.Errorf("%v: inputs have %d bits, named before: %v", c, bits, names[c.String()])
		}
		names[c.String()] = true
	}
}
