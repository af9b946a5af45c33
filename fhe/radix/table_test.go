package radix

import (
	"fmt"
	"slices"
	"testing"

	"fhevm/fhe/tfhe"
)

// Every table, read as a blind rotation reads it, gives its functions on the
// whole domain: the one proof that domains, negacyclic signs and constants
// agree.
func TestTables(t *testing.T) {
	p := plainParams
	box := p.PolySize / half
	for i, tab := range tables {
		lut := tab.lut(&p)
		for j, f := range tab.fs {
			for v := tab.lo; v <= tab.hi; v++ {
				for noise := -box / 2; noise < box/2; noise++ {
					at := (v*box + noise + j*p.PolySize/lut.Outputs) & (2*p.PolySize - 1)
					got := lut.Poly[at%p.PolySize]
					if at >= p.PolySize {
						got = -got
					}
					got += quantum * uint64(tab.twice[j])
					if want := tfhe.Delta * uint64(f(v)); got != want {
						t.Fatalf("table %d, function %d at %d: %#x, want %#x", i, j, v, got, want)
					}
				}
			}
		}
	}
}

func TestImpossibleTables(t *testing.T) {
	identity := func(v int) int { return v }
	for name, build := range map[string]func(){
		"not negacyclic":       func() { newTable(0, half+1, identity) },
		"no room for two":      func() { newTable(0, half/2, identity, identity) },
		"clash below zero":     func() { newTable(-half/2, 0, func(v int) int { return 1 }, identity) },
		"fourth meets negated": func() { newTable(0, half-1, low, low, low, low) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			build()
		}()
	}
}

// Outputs of two tables for one input have noise of their own, and those of
// one table for inputs that differ by a constant: no table's polynomial is, but
// for the sign, another's or its own times a power of X, which is what adding a
// constant to the input does. Circuits count on this. The last five tables are
// left out: nothing else reads the slots of input lists, or random phases; and a
// circuit that bootstraps blocks by oneHot bootstraps none of them by isZero.
func TestTablesDiffer(t *testing.T) {
	seen := make(map[[half]int]string)
	for k, tab := range tables[:len(tables)-5] {
		poly := tab.entries
		for shift := range half {
			name := fmt.Sprintf("table %d shifted by %d", k, shift)
			if other, ok := seen[positive(poly)]; ok {
				t.Errorf("%s is %s", name, other)
			}
			seen[positive(poly)] = name
			poly = timesX(poly)
		}
	}
}

func timesX(p [half]int) (q [half]int) {
	copy(q[1:], p[:])
	q[0] = -p[half-1]
	return q
}

// positive is p or -p.
func positive(p [half]int) [half]int {
	i := slices.IndexFunc(p[:], func(v int) bool { return v != 0 })
	if p[i] < 0 {
		for j := range p {
			p[j] = -p[j]
		}
	}
	return p
}
