package coprocessor

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// crowd takes its time for each evaluation and counts those in flight.
type crowd struct {
	Evaluator
	present, most atomic.Int32
}

func (c *crowd) Eval(ctx context.Context, op fhe.Op, t fhe.Type, operands ...radix.Operand) ([]*radix.Ciphertext, error) {
	c.most.Store(max(c.most.Load(), c.present.Add(1)))
	defer c.present.Add(-1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c.Evaluator.Eval(ctx, op, t, operands...)
}

// wide is a task of independent computations and one that takes the first's result.
func wide() *Task {
	t := &Task{Domain: logtest.Domain}
	for v := range uint64(8) {
		t.Jobs = append(t.Jobs, &store.Node{Kind: store.Operation, Op: fhe.Trivial, Type: fhe.Uint8, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(v))}})
	}
	first := t.Jobs[0].Results(t.Domain)[0]
	t.Jobs = append(t.Jobs, &store.Node{Kind: store.Operation, Op: fhe.Neg, Type: fhe.Uint8, Operands: []fhe.Operand{{Kind: fhe.Made, Word: first}}})
	return t
}

// TestTaskMemory computes a task where there is memory for so many evaluations of it
// at a time, and for none: then one runs alone. In the end all memory is given back,
// also by a task that is stopped.
func TestTaskMemory(t *testing.T) {
	one := blockSize * heldBlocks(&fhe.Derivation{Op: fhe.Trivial, Type: fhe.Uint8})
	for most, memory := range map[int32]int64{1: 1, 3: 3*one + one/2, 8: 1 << 30} {
		synctest.Test(t, func(t *testing.T) {
			e := &crowd{Evaluator: newPlainEvaluator()}
			c := NewCalculator(t.Context(), e, 0, memory)
			r, err := c.Compute(t.Context(), wide(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Results {
				if r.Results[i].Packed == nil {
					t.Errorf("job %d: %+v", i, r.Results[i])
				}
			}
			if got := e.most.Load(); got != most {
				t.Errorf("%d bytes are enough for %d evaluations, %d were in flight", memory, most, got)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			if _, err := c.Compute(ctx, wide(), nil); err == nil && most < 8 {
				t.Error("a task that was stopped was done")
			}
			if left := c.memory.size(); left != 0 || c.memory.running != 0 || len(c.memory.waiting) != 0 {
				t.Errorf("%d bytes are held by nothing", left)
			}
		})
	}
}
