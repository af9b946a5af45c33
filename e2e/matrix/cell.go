package main

import (
	"fmt"
	"math/big"
	"math/rand/v2"

	"fhevm/fhe"
	"fhevm/fhe/model"
	"fhevm/sdk"

	"github.com/holiman/uint256"
)

// cell is a form of an operation with operands.
type cell struct {
	fhe.Form
	row    fhe.Operator
	types  []fhe.Type // of the operands
	values []*big.Int // theirs
	table  []byte
}

// maxInputs is how many operands of a cell are different: those of longer lists
// repeat. As many of the widest type fit an input list.
const maxInputs = 8

func cells() (out []cell) {
	for _, f := range fhe.Forms() {
		row, err := f.Op.Operator()
		if err == nil && (f.Count == 0 || f.Count == fhe.ListCounts[0] || f.Count == fhe.MaxList) {
			out = append(out, newCell(f, row))
		}
	}
	return out
}

func newCell(f fhe.Form, row fhe.Operator) cell {
	c := cell{Form: f, row: row, types: row.Signature(f.Type, int(f.Count))}
	switch row.Shape {
	case fhe.Convert:
		c.types = []fhe.Type{f.From}
	case fhe.Draw:
		c.types = nil
	}
	r := rand.New(rand.NewPCG(uint64(f.Op)<<8|uint64(f.Type), uint64(f.From)<<16|uint64(f.Clear)<<8|uint64(f.Count)))
	for i, t := range c.types {
		v := uint256.Int{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
		narrow := r.IntN(t.Bits()/2 + 1)
		if i == 0 {
			narrow = 0 // quotients are worth their name
		}
		x := new(big.Int).Rsh(v.ToBig(), uint(256-t.Bits()+narrow))
		if i >= maxInputs {
			x = c.values[i%maxInputs]
		}
		c.values = append(c.values, x)
	}
	if row.Shape == fhe.Table {
		c.table = make([]byte, fhe.TableSize*f.Type.Bits()/8)
		for i := range c.table {
			c.table[i] = byte(r.Uint32())
		}
	}
	return c
}

func (c cell) results() []fhe.Type { return c.row.Results(c.Type) }

func (c cell) isClear(i int) bool { return c.Clear>>i&1 == 1 }

// inputs are the values that a wallet encrypts.
func (c cell) inputs() (out []sdk.Value) {
	for i, t := range c.types[:min(len(c.types), maxInputs)] {
		if !c.isClear(i) {
			out = append(out, sdk.Value{Type: t, Clear: uint256.MustFromBig(c.values[i])})
		}
	}
	return out
}

// operands are the words that the executor takes, of inputs with these handles.
func (c cell) operands(handles []fhe.Handle) (out [][32]byte) {
	next := 0
	for i, v := range c.values {
		switch {
		case i >= maxInputs:
			out = append(out, out[i%maxInputs])
		case c.isClear(i):
			out = append(out, uint256.MustFromBig(v).Bytes32())
		default:
			out = append(out, handles[next])
			next++
		}
	}
	return out
}

// bound is that of a bounded draw: no power of two.
func (c cell) bound() *big.Int {
	if c.Op != fhe.RandBounded {
		return new(big.Int)
	}
	b := new(big.Int).Lsh(big.NewInt(3), uint(c.Type.Bits()-2))
	return b.Sub(b, big.NewInt(1))
}

// check compares the decrypted results with what they should be.
func (c cell) check(got []*uint256.Int) error {
	if c.row.Shape == fhe.Draw {
		if bound := c.bound(); bound.Sign() > 0 && got[0].ToBig().Cmp(bound) >= 0 {
			return fmt.Errorf("%v: %s is not below %s", c, got[0], bound)
		}
		return nil
	}
	expected, err := c.expected()
	if err != nil {
		return err
	}
	for k, want := range expected {
		if got[k].ToBig().Cmp(want) != 0 {
			return fmt.Errorf("%v of %v: result %d is %s, want %s", c, c.values, k, got[k], want)
		}
	}
	return nil
}

func (c cell) expected() ([]*big.Int, error) {
	if c.table == nil {
		return model.Expected(c.Op, c.Type, c.types, c.values), nil
	}
	entries, err := fhe.TableEntries(c.table, c.Type)
	if err != nil {
		return nil, err
	}
	return []*big.Int{model.Entry(entries, c.values)}, nil
}
