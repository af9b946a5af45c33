package radix

import (
	"context"
	"fmt"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// TableSize is the number of entries of a look-up table.
const TableSize = fhe.TableSize

// Lookup returns an entry, of type t, of a public table of TableSize: for one
// operand a of type uint8 entry a, for two entry (a mod 16) + 16*(b mod 16). It
// takes the same number of bootstraps for all tables, fewer where an index's
// half is public (SPEC 4.9).
//
// It fails on other types of operands, entries wider than t, which is uint8 or
// uint16, and when ctx ends or the Bootstrapper fails.
func (e *Evaluator) Lookup(ctx context.Context, entries []uint16, t fhe.Type, operands ...*Ciphertext) (*Ciphertext, error) {
	if err := e.checkLookup(entries, t, operands); err != nil {
		return nil, fmt.Errorf("look up in table of %s: %w", t, err)
	}
	l := tableLookup{Evaluator: e, entries: entries, digits: t.Bits() / digitBits}
	first, last := operands[0].Blocks, operands[len(operands)-1].Blocks
	if len(operands) == 1 {
		last = last[2:]
	}
	out, err := l.find(ctx, first[:2], last[:2])
	if err != nil {
		return nil, fmt.Errorf("look up in table of %s: %w", t, err)
	}
	return &Ciphertext{Type: t, Blocks: out}, nil
}

func (e *Evaluator) checkLookup(entries []uint16, t fhe.Type, operands []*Ciphertext) error {
	op := fhe.Lookup
	if len(operands) == 2 {
		op = fhe.Lookup2
	}
	row, err := op.Operator()
	switch {
	case err != nil:
		return err
	case !row.On(t):
		return fmt.Errorf("entries cannot be %s", t)
	case len(entries) != TableSize:
		return fmt.Errorf("%d entries, want %d", len(entries), TableSize)
	case int(slices.Max(entries)) >= 1<<t.Bits():
		return fmt.Errorf("entry %d has more than %d bits", slices.Max(entries), t.Bits())
	case len(operands) != len(row.Signature(t, 0)):
		return fmt.Errorf("%d operands", len(operands))
	}
	for i, want := range row.Signature(t, 0) {
		if err := e.checkOperand(Encrypted(operands[i]), want, false); err != nil {
			return fmt.Errorf("operand %d: %w", i, err)
		}
	}
	return nil
}

// digitBits is the number of bits of a digit of an entry: what a bootstrap of a
// sum can tell.
const digitBits = tfhe.PlaintextBits

// tableLookup finds an entry of rows of half entries, digit by digit.
type tableLookup struct {
	*Evaluator
	entries []uint16
	digits  int // of an entry
}

// digit is digit i of the entry in the given column and row.
func (l tableLookup) digit(i, column, row int) int {
	return int(l.entries[half*row+column]) >> (digitBits * i) % half
}

// find returns the blocks of the entry in the column and the row that two blocks
// each give.
func (l tableLookup) find(ctx context.Context, column, row []tfhe.LWE) ([]tfhe.LWE, error) {
	var jobs []tfhe.Job
	if at, ok := publicDigit(row); ok {
		jobs = l.functions(column, func(i, m int) int { return 2 * l.digit(i, m, at) })
	} else if at, ok := publicDigit(column); ok {
		jobs = l.functions(row, func(i, m int) int { return 2 * l.digit(i, at, m) })
	} else {
		var err error
		if jobs, err = l.selectRow(ctx, column, row); err != nil {
			return nil, err
		}
	}
	return l.split(ctx, jobs)
}

// publicDigit is the value of two blocks without masks.
func publicDigit(blocks []tfhe.LWE) (int, bool) {
	x, xok := publicValue(blocks[0])
	y, yok := publicValue(blocks[1])
	return x + base*y, xok && yok && x < base && y < base
}

// joined is x + 4y for two blocks.
func (e *Evaluator) joined(blocks []tfhe.LWE) tfhe.LWE {
	out := e.params.NewLWE()
	out.Add(out, blocks[0])
	out.MulAddClear(blocks[1], base)
	return out
}

// halves prepares a bootstrap by a function that counts in halves of a plaintext.
func (l tableLookup) halves(src tfhe.LWE, f func(m int) int) tfhe.Job {
	lut := l.params.NewLUT(func(m int) uint64 { return quantum * uint64(f(m)) })
	return tfhe.Job{Src: src, LUT: lut, Dst: []tfhe.LWE{l.params.NewLWE()}}
}

// functions are bootstraps of two blocks by f, in halves, for each digit.
func (l tableLookup) functions(blocks []tfhe.LWE, f func(digit, m int) int) (jobs []tfhe.Job) {
	for i := range l.digits {
		jobs = append(jobs, l.halves(l.joined(blocks), func(m int) int { return f(i, m) }))
	}
	return jobs
}

// turns is a bootstrap that gives half ciphertexts: number i is half a turn, the
// plaintext 16, for the row 16 - i modulo 16, and 0 for the others. Half a turn
// has no sign.
func (l tableLookup) turns(row []tfhe.LWE) tfhe.Job {
	j := l.halves(l.joined(row), func(m int) int { return modulus * bit(m == 0) })
	j.LUT.Outputs = half
	for range half - 1 {
		j.Dst = append(j.Dst, l.params.NewLWE())
	}
	return j
}

// selectRow returns the jobs whose sums are the digits, those of one digit at a
// time: row 0 plus what the row selected differs by from it. Each row adds half
// of its difference, and another half with the sign that half a turn changes.
func (l tableLookup) selectRow(ctx context.Context, column, row []tfhe.LWE) ([]tfhe.Job, error) {
	turns := l.turns(row)
	if err := l.boot.Bootstrap(ctx, []tfhe.Job{turns}); err != nil {
		return nil, err
	}
	// The first halves, of all rows.
	jobs := l.functions(column, func(i, m int) int {
		n := 2 * l.digit(i, m, 0)
		for r := range half {
			n += l.digit(i, m, r) - l.digit(i, m, 0)
		}
		return n
	})
	for r := 1; r < half; r++ {
		at := l.joined(column)
		at.Add(at, turns.Dst[half-r])
		for i := range l.digits {
			jobs = append(jobs, l.halves(at, func(m int) int { return l.digit(i, m, 0) - l.digit(i, m, r) }))
		}
	}
	return jobs, nil
}

// split runs jobs and makes two clean blocks of each digit, the sum of what they
// give.
func (l tableLookup) split(ctx context.Context, jobs []tfhe.Job) ([]tfhe.LWE, error) {
	if err := l.boot.Bootstrap(ctx, jobs); err != nil {
		return nil, err
	}
	for i := l.digits; i < len(jobs); i++ {
		sum := jobs[i%l.digits].Dst[0]
		sum.Add(sum, jobs[i].Dst[0])
	}
	var blocks []tfhe.Job
	for _, j := range jobs[:l.digits] {
		blocks = append(blocks, l.job(message, j.Dst[0]), l.job(carry, j.Dst[0]))
	}
	if err := l.boot.Bootstrap(ctx, blocks); err != nil {
		return nil, err
	}
	var out []tfhe.LWE
	for _, j := range blocks {
		out = append(out, j.Dst[0])
	}
	return out, nil
}
