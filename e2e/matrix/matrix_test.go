package main

import "testing"

// TestCurrent demands that each line is of a cell and of its present cost.
func TestCurrent(t *testing.T) {
	b, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.lines) == 0 {
		t.Fatal("no lines")
	}
	want := make(map[string]string)
	for _, c := range cells() {
		want[c.String()] = costOf(c)
	}
	for cell, cost := range b.lines {
		if want[cell] != cost {
			t.Errorf("line %q has cost %s, want %s: run make matrix-chain", cell, cost, want[cell])
		}
	}
	t.Logf("%d of %d cells were run", len(b.lines), len(want))
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
