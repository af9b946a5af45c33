package coprocessor

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// TestEqualComputations: two of them in one block have handles of their own and
// one ciphertext, which is computed once.
func TestEqualComputations(t *testing.T) {
	log := logtest.New()
	a := log.Trivial(fhe.Uint8, 5)
	one := log.Operation(fhe.Add, fhe.Uint8, true, 3, a)
	two := log.Operation(fhe.Add, fhe.Uint8, true, 3, a)
	log.Want(one, two)
	log.Seal(0)
	e := newSpy(newPlainEvaluator())
	m := startWith(t, log.Blocks, e)
	m.drain(t)
	digests := m.digests(t, log.Blocks)
	if one == two || digests[one] != digests[two] || digests[one] == (fhe.Digest{}) {
		t.Errorf("handles %s and %s, digests %s and %s", one, two, digests[one], digests[two])
	}
	if e.total() != 2 { // the constant and the sum
		t.Errorf("%d evaluations %v, want 2", e.total(), e.calls)
	}
}

// TestBytesFollowFromTheDerivation: a wanted handle has the same ciphertext if the
// blocks hold nothing but what it is made of.
func TestBytesFollowFromTheDerivation(t *testing.T) {
	for seed := range uint64(4) {
		log := program(seed)
		whole := digestsOf(t, log.Blocks)
		r := rand.New(rand.NewPCG(seed, 7))
		wanted := slices.SortedFunc(maps.Keys(whole), func(a, b fhe.Handle) int { return slices.Compare(a[:], b[:]) })
		for range 5 {
			h := wanted[r.IntN(len(wanted))]
			if alone := digestsOf(t, slice(log.Blocks, h)); len(alone) != 1 || alone[h] != whole[h] {
				t.Errorf("seed %d: %s of %s has digest %s alone, %s among others", seed, log.Kinds[h], h.Type(), alone[h], whole[h])
			}
		}
	}
}

func digestsOf(t *testing.T, blocks []fhe.Batch) map[fhe.Handle]fhe.Digest {
	t.Helper()
	m := startWith(t, blocks, newPlainEvaluator())
	m.drain(t)
	defer m.stop(t)
	return m.digests(t, blocks)
}

// slice leaves of blocks what h is made of, and one want of it.
func slice(blocks []fhe.Batch, h fhe.Handle) []fhe.Batch {
	needed := map[fhe.Handle]bool{h: true}
	out := make([]fhe.Batch, len(blocks))
	for i := len(blocks) - 1; i >= 0; i-- {
		out[i] = fhe.Batch{Number: blocks[i].Number, Hash: blocks[i].Hash}
		for _, e := range slices.Backward(blocks[i].Entries) {
			if makes(e, needed) {
				out[i].Entries = append(out[i].Entries, e)
			}
		}
		slices.Reverse(out[i].Entries)
	}
	last := &out[len(out)-1]
	last.Entries = append(last.Entries, fhe.Entry{Wanted: &h})
	return out
}

// makes reports whether e makes a needed handle; its operands are needed then.
func makes(e fhe.Entry, needed map[fhe.Handle]bool) bool {
	is := func(h fhe.Handle) bool { return needed[h] }
	switch {
	case e.Input != nil:
		var list fhe.InputList
		_ = list.UnmarshalBinary(e.Input.Encoding)
		return slices.ContainsFunc(list.Handles(e.Input.Encoding), is)
	case e.Operation != nil:
		d := &e.Operation.Derivation
		made := slices.ContainsFunc(d.Results(), func(r fhe.Result) bool { return needed[r.Handle] })
		for _, o := range d.Operands {
			if made && o.Kind != fhe.Clear {
				needed[o.Handle()] = true
			}
		}
		return made
	}
	return false
}
