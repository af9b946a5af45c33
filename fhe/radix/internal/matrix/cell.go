package main

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/model"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// cell is one form of one operation on fixed operands.
type cell struct {
	fhe.Form
	row    fhe.Operator
	types  []fhe.Type
	values []*big.Int
	table  []uint16     // for a Table
	bound  *uint256.Int // for a Draw; nil: any value
}

// longestList is the largest number of operands of a list in the matrix.
const longestList = 6

// cells are all of them, in the order of the operator table.
func cells() (all []cell) {
	for _, f := range fhe.Forms() {
		row, err := f.Op.Operator()
		if err == nil && f.Count <= longestList {
			all = append(all, newCell(f, row))
		}
	}
	return all
}

func newCell(f fhe.Form, row fhe.Operator) cell {
	c := cell{Form: f, row: row, types: row.Signature(f.Type, int(f.Count))}
	if row.Shape == fhe.Convert {
		c.types = []fhe.Type{f.From}
	}
	r := rand.New(rand.NewPCG(uint64(f.Op)<<8|uint64(f.Type), uint64(f.From)<<16|uint64(f.Clear)<<8|uint64(f.Count)))
	for i, t := range c.types {
		v := uint256.Int{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
		small := r.IntN(t.Bits()/2 + 1)
		if i == 0 {
			small = 0 // quotients are worth their name
		}
		c.values = append(c.values, new(big.Int).Rsh(v.ToBig(), uint(256-t.Bits()+small)))
	}
	if row.Shape == fhe.Table {
		for range radix.TableSize {
			c.table = append(c.table, uint16(r.Uint32()>>(32-f.Type.Bits())))
		}
	}
	if f.Op == fhe.RandBounded {
		v := uint256.Int{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64() | 1<<63}
		c.bound = v.Rsh(&v, uint(256-f.Type.Bits()))
		c.bound[0] |= 1 // no power of two
	}
	return c
}

// check compares the results with plain arithmetic. Of a random value only the
// range is known beforehand.
func (c cell) check(results []*big.Int) error {
	if c.row.Shape == fhe.Draw {
		return c.checkDrawn(results[0])
	}
	for i, w := range c.expected() {
		if results[i].Cmp(w) != 0 {
			return fmt.Errorf("result %d is %d, want %d", i, results[i], w)
		}
	}
	return nil
}

func (c cell) expected() []*big.Int {
	if c.table == nil {
		return model.Expected(c.Op, c.Type, c.types, c.values)
	}
	return []*big.Int{model.Entry(c.table, c.values)}
}

func (c cell) checkDrawn(v *big.Int) error {
	if v.BitLen() > c.Type.Bits() || c.bound != nil && v.Cmp(c.bound.ToBig()) >= 0 {
		return fmt.Errorf("%d was drawn, bound is %v", v, c.bound)
	}
	return nil
}

// results evaluates the cell with e. What is drawn is re-randomised by zeros.
func (c cell) results(ctx context.Context, e *radix.Evaluator, zeros *tfhe.Rerandomizer, encrypt func(t fhe.Type, v *big.Int, place int) *radix.Ciphertext) ([]*radix.Ciphertext, error) {
	if c.row.Shape == fhe.Draw {
		result, err := e.Random(ctx, zeros, [32]byte{'m', 'a', 't', 'r', 'i', 'x'}, c.Type, c.bound)
		return []*radix.Ciphertext{result}, err
	}
	var operands []radix.Operand
	var encrypted []*radix.Ciphertext
	for i, t := range c.types {
		if c.Clear>>i&1 == 1 {
			operands = append(operands, radix.Clear(uint256.MustFromBig(c.values[i])))
			continue
		}
		encrypted = append(encrypted, encrypt(t, c.values[i], i))
		operands = append(operands, radix.Encrypted(encrypted[len(encrypted)-1]))
	}
	if c.table != nil {
		result, err := e.Lookup(ctx, c.table, c.Type, encrypted...)
		return []*radix.Ciphertext{result}, err
	}
	return e.Eval(ctx, c.Op, c.Type, operands...)
}

// encrypt makes a ciphertext that depends on nothing but its arguments.
func (n *network) encrypt(t fhe.Type, v *big.Int, place int) *radix.Ciphertext {
	return blocks(&tfhe.Default, t, func(i int, b tfhe.LWE) {
		m := uint64(v.Bit(2*i) | v.Bit(2*i+1)<<1)
		seed := tfhe.SeedFrom([32]byte{'o', 'p', 'e', 'r', 'a', 'n', 'd'}).Derive(fmt.Sprint(t, v, place), uint64(i))
		n.secret.Encrypt(b, m*tfhe.Delta, seed)
	})
}

// blocks makes a ciphertext of blocks that fill sets.
func blocks(p *tfhe.Params, t fhe.Type, fill func(i int, b tfhe.LWE)) *radix.Ciphertext {
	c := &radix.Ciphertext{Type: t}
	for i := range t.Blocks() {
		b := p.NewLWE()
		fill(i, b)
		c.Blocks = append(c.Blocks, b)
	}
	return c
}

// decrypt returns the value of blocks that are clean.
func (n *network) decrypt(c *radix.Ciphertext) (*big.Int, error) {
	v := new(big.Int)
	for i := len(c.Blocks) - 1; i >= 0; i-- {
		digit := n.secret.Decrypt(c.Blocks[i])
		if digit >= 1<<fhe.MessageBits {
			return nil, fmt.Errorf("block %d holds %d", i, digit)
		}
		v.Lsh(v, fhe.MessageBits).Add(v, big.NewInt(int64(digit)))
	}
	return v, nil
}
