package radix

import (
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// inputList is a plain list whose slots hold the given plaintexts.
func inputList(types []fhe.Type, slots []int) *fhe.InputList {
	l := &fhe.InputList{Types: types, Mask: make([]uint64, plainParams.PolySize)}
	for i := range l.Mask {
		l.Mask[i] = uint64(i + 1)
	}
	for _, m := range slots {
		l.Bodies = append(l.Bodies, tfhe.Delta*uint64(m))
	}
	return l
}

// A slot below 16 gives its value, any other one a clean block all the same.
func TestExpand(t *testing.T) {
	e := newPlain()
	for m := range modulus {
		types := []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Uint16}
		out, err := e.Expand(t.Context(), inputList(types, []int{m, m, 3, m, 0, 15, 1}))
		if err != nil {
			t.Fatal(err)
		}
		bit, x, y := reveal(t, out[0]).Uint64(), reveal(t, out[1]).Uint64(), reveal(t, out[2]).Uint64()
		if m >= half {
			continue
		}
		if bit != uint64(min(m, 1)) || x != uint64(m|3<<4) || y != uint64(m|15<<8|1<<12) {
			t.Errorf("slots of %d expand to %d, %#x, %#x", m, bit, x, y)
		}
	}
}

func TestExpandCost(t *testing.T) {
	types := []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Int16, fhe.Uint32, fhe.Int64} // plainParams has 32 slots
	n := countingBootstrapper{}
	slots := 0
	for _, typ := range types {
		slots += typ.Slots()
	}
	if _, err := NewEvaluator(plainParams, &n).Expand(t.Context(), inputList(types, make([]int, slots))); err != nil {
		t.Fatal(err)
	}
	if n.jobs != fhe.InputBootstraps(types) || n.layers != 1 {
		t.Errorf("%d bootstraps in %d layers, want %d in 1", n.jobs, n.layers, fhe.InputBootstraps(types))
	}
}

func TestExpandRefuses(t *testing.T) {
	e := newPlain()
	short := inputList([]fhe.Type{fhe.Bool}, []int{1})
	short.Mask = short.Mask[1:]
	for name, l := range map[string]*fhe.InputList{
		"missing slot": inputList([]fhe.Type{fhe.Uint8}, []int{1}),
		"short mask":   short,
		"unknown type": inputList([]fhe.Type{1}, []int{1}),
	} {
		if _, err := e.Expand(t.Context(), l); err == nil {
			t.Errorf("%s: expanded", name)
		}
	}
}
