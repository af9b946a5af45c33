package radix

import (
	"context"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// memoryWatch tells apart the ciphertexts that bootstraps write.
type memoryWatch struct {
	*plainBootstrapper
	outputs int
	places  map[*uint64]bool
}

func (w *memoryWatch) Bootstrap(ctx context.Context, jobs []tfhe.Job) error {
	for _, j := range jobs {
		for _, dst := range j.Dst {
			w.outputs++
			w.places[&dst[0]] = true
		}
	}
	return w.plainBootstrapper.Bootstrap(ctx, jobs)
}

// What a program no longer needs makes room for what comes, and results share no
// memory with each other.
func TestMemoryIsUsedAgain(t *testing.T) {
	for op, most := range map[fhe.Op]int{fhe.Add: 40, fhe.Mul: 1300} {
		w := &memoryWatch{plainBootstrapper: &plainBootstrapper{}, places: make(map[*uint64]bool)}
		e := NewEvaluator(plainParams, w)
		x, y := number(0xfedcba9876543210), number(0x0123456789abcdef)
		out, err := e.Eval(t.Context(), op, fhe.Uint64, Encrypted(plain(fhe.Uint64, x)), Encrypted(plain(fhe.Uint64, y)))
		if err != nil {
			t.Fatal(err)
		}
		if len(w.places) > most {
			t.Errorf("%s: %d outputs of bootstraps lie in %d places, want at most %d", op, w.outputs, len(w.places), most)
		}
		own := make(map[*uint64]bool)
		for _, b := range out[0].Blocks {
			own[&b[0]] = true
		}
		if len(own) != len(out[0].Blocks) {
			t.Errorf("%s: %d blocks in %d places", op, len(out[0].Blocks), len(own))
		}
		t.Logf("%s: %d outputs in %d places", op, w.outputs, len(w.places))
	}
}
