package radix

import (
	"context"
	"math/big"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// lookupTables are tables of entries of t that have nothing in common.
func lookupTables(t fhe.Type) (all [][]uint16) {
	r := rand.New(rand.NewPCG(7, uint64(t)))
	for _, f := range []func(i int) int{
		func(int) int { return r.Int() },
		func(int) int { return r.IntN(2) * (1<<16 - 1) },
		func(int) int { return 0 },
		func(int) int { return 1<<16 - 1 },
		func(i int) int { return i },
		func(i int) int { return i % 16 * (i / 16) },
		func(i int) int { return bit(i >= 16) * (1<<16 - 1) },
	} {
		entries := make([]uint16, TableSize)
		for i := range entries {
			entries[i] = uint16(f(i) & (1<<t.Bits() - 1))
		}
		all = append(all, entries)
	}
	return all
}

var entryTypes = []fhe.Type{fhe.Uint8, fhe.Uint16}

func TestLookup(t *testing.T) {
	e := newPlain()
	for _, typ := range entryTypes {
		for k, entries := range lookupTables(typ) {
			for i := range TableSize {
				c, err := e.Lookup(t.Context(), entries, typ, plain(fhe.Uint8, number(uint64(i))))
				if err != nil {
					t.Fatal(err)
				}
				if got := reveal(t, c); c.Type != typ || got.Cmp(number(uint64(entries[i]))) != 0 {
					t.Fatalf("%s table %d: entry %d is %d, want %d", typ, k, i, got, entries[i])
				}
			}
		}
	}
}

// Of two operands, the low four bits count.
func TestLookup2(t *testing.T) {
	e := newPlain()
	for _, typ := range entryTypes {
		entries := lookupTables(typ)[0]
		for i := range TableSize {
			a, b := 16*(i%7)+i%16, 16*(i%5)+i/16
			c, err := e.Lookup(t.Context(), entries, typ, plain(fhe.Uint8, number(uint64(a))), plain(fhe.Uint8, number(uint64(b))))
			if err != nil {
				t.Fatal(err)
			}
			if got := reveal(t, c); got.Cmp(number(uint64(entries[i]))) != 0 {
				t.Fatalf("%s: entry %d, %d is %d, want %d", typ, a, b, got, entries[i])
			}
		}
	}
}

// An index may be public as a whole or in part.
func TestLookupPublic(t *testing.T) {
	for public := range 16 {
		counter := &countingBootstrapper{}
		entries := lookupTables(fhe.Uint16)[0]
		for i := 0; i < TableSize; i += 5 {
			x := plain(fhe.Uint8, number(uint64(i)))
			for j, b := range x.Blocks {
				if public>>j&1 == 1 {
					b.Trivial(b[len(b)-1])
				}
			}
			c, err := newPlain().Lookup(t.Context(), entries, fhe.Uint16, x)
			if err != nil {
				t.Fatal(err)
			}
			if got := value(c); got.Cmp(number(uint64(entries[i]))) != 0 {
				t.Fatalf("public %b: entry %d is %d, want %d", public, i, got, entries[i])
			}
			if _, err := NewEvaluator(plainParams, counter).Lookup(t.Context(), entries, fhe.Uint16, x); err != nil {
				t.Fatal(err)
			}
		}
		half := public&3 == 3 || public&12 == 12
		if few := counter.jobs == 12*52; few != half {
			t.Errorf("public %b: %d bootstraps", public, counter.jobs)
		}
	}
}

// All tables take what the cost table says.
func TestLookupCost(t *testing.T) {
	for _, op := range []fhe.Op{fhe.Lookup, fhe.Lookup2} {
		for _, typ := range entryTypes {
			for _, entries := range lookupTables(typ) {
				var got countingBootstrapper
				operands := []*Ciphertext{plain(fhe.Uint8, number(1)), plain(fhe.Uint8, number(2))}
				if op == fhe.Lookup {
					operands = operands[:1]
				}
				if _, err := NewEvaluator(plainParams, &got).Lookup(t.Context(), entries, typ, operands...); err != nil {
					t.Fatal(err)
				}
				if want := (fhe.Form{Op: op, Type: typ}).Cost(); got.jobs != want.Bootstraps || got.layers != want.Depth {
					t.Errorf("%s %s: %d bootstraps in %d layers, want %v", op, typ, got.jobs, got.layers, want)
				}
			}
		}
	}
}

func TestLookupRefuses(t *testing.T) {
	x, wide := plain(fhe.Uint8, number(1)), plain(fhe.Uint16, number(1))
	entries := make([]uint16, TableSize)
	large := make([]uint16, TableSize)
	large[255] = 256
	for name, c := range map[string]struct {
		entries  []uint16
		t        fhe.Type
		operands []*Ciphertext
	}{
		"entries of 32 bits": {entries, fhe.Uint32, []*Ciphertext{x}},
		"signed entries":     {entries, fhe.Int8, []*Ciphertext{x}},
		"short table":        {entries[1:], fhe.Uint8, []*Ciphertext{x}},
		"wide entry":         {large, fhe.Uint8, []*Ciphertext{x}},
		"no operand":         {entries, fhe.Uint8, nil},
		"three operands":     {entries, fhe.Uint8, []*Ciphertext{x, x, x}},
		"wide operand":       {entries, fhe.Uint8, []*Ciphertext{wide}},
		"nil operand":        {entries, fhe.Uint8, []*Ciphertext{nil}},
		"missing blocks":     {entries, fhe.Uint8, []*Ciphertext{{Type: fhe.Uint8}}},
	} {
		if _, err := newPlain().Lookup(t.Context(), c.entries, c.t, c.operands...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// layerWatch compares the noise of every bootstrap's input with what the layers
// of a Lookup promise.
type layerWatch struct {
	*network
	norms []int // squared 2-norm of the inputs, layer by layer
	layer int
	noise *noise
}

func (w *layerWatch) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	var seen []sample
	shared := maskDigest(jobs[0].Src) // inputs of a layer share noise
	for _, j := range jobs {
		d := w.deviation(j.Src)
		promised := float64(w.norms[w.layer]) * tfhe.Default.BootstrapVariance()
		seen = append(seen, sample{d * d / promised, []fhe.Digest{shared}})
	}
	w.noise.add(seen)
	w.layer++
	return w.boot.Bootstrap(ctx, jobs)
}

// Look-ups with real keys: right, clean, and the noise as promised.
func TestLookupReal(t *testing.T) {
	n := realNetwork()
	all := noise{used: make(map[fhe.Digest]bool)}
	for i, typ := range []fhe.Type{fhe.Uint8, fhe.Uint8, fhe.Uint16} {
		index := uint64(37 + 91*i)
		x, err := n.computed(fhe.Uint8, number(index), i)
		if err != nil {
			t.Fatal(err)
		}
		watch := &layerWatch{network: n, norms: []int{17, 18, 16}, noise: &all}
		entries := lookupTables(typ)[0]
		c, err := NewEvaluator(tfhe.Default, watch).Lookup(t.Context(), entries, typ, x)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.decrypt(c); err != nil || got.Cmp(new(big.Int).SetUint64(uint64(entries[index]))) != 0 {
			t.Errorf("entry %d is %d, want %d: %v", index, got, entries[index], err)
		}
	}
	all.check(t)
}
