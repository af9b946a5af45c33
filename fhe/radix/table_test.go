package radix

import (
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
					at := (v*box + noise + j*p.PolySize/len(tab.fs)) & (2*p.PolySize - 1)
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
		"not negacyclic":     func() { newTable(0, half+1, identity) },
		"wider than a torus": func() { newTable(0, modulus, func(int) int { return 0 }) },
		"no room for two":    func() { newTable(0, half/2, identity, identity) },
		"two below zero":     func() { newTable(-1, 1, identity, identity) },
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

// Refreshing tables differ by more than their sign, so that they make
// independent noise of one ciphertext.
func TestFreshTablesDiffer(t *testing.T) {
	seen := make(map[[half]int]int)
	for k, tab := range fresh {
		var plus, minus [half]int
		for i, e := range tab.entries[0] {
			plus[i], minus[i] = e&(2*modulus-1), -e&(2*modulus-1)
		}
		for _, x := range [][half]int{plus, minus} {
			if other, ok := seen[x]; ok && other != k {
				t.Errorf("tables %d and %d coincide", k, other)
			}
			seen[x] = k
		}
	}
}
