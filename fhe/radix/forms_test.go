package radix

import (
	"fmt"
	"math/big"
	"math/rand/v2"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/model"
)

// form is one way to call an operation.
type form struct {
	row   fhe.Operator
	t     fhe.Type
	types []fhe.Type // of the operands
	clear uint8      // bit i: operand i is clear
}

func newForm(op fhe.Op, t fhe.Type, clear uint8) form {
	row, err := op.Operator()
	if err != nil {
		panic(err)
	}
	return form{row, t, row.Signature(t, 2), clear}
}

func (f form) String() string {
	return fmt.Sprintf("%s %s of %v clear %b", f.row.Name, f.t, f.types, f.clear)
}

func (f form) isClear(i int) bool { return f.clear>>i&1 == 1 }

// cost is what f is priced at.
func (f form) cost() fhe.Cost {
	c := fhe.Form{Op: f.row.Op, Type: f.t, Clear: f.clear}
	switch f.row.Shape {
	case fhe.Convert:
		c.From = f.types[0]
	case fhe.Fold, fhe.Member:
		c.Count, c.Clear = uint8(len(f.types)), 0
	}
	return c.Cost()
}

// forms lists the forms of every operation of Eval on every type, lists up to 6
// operands.
func forms() (fs []form) {
	for _, c := range fhe.Forms() {
		f := newForm(c.Op, c.Type, c.Clear)
		if circuits[c.Op] == nil || c.Count > 6 {
			continue
		}
		if c.Count > 0 {
			f.types = f.row.Signature(c.Type, int(c.Count))
		}
		if f.row.Shape == fhe.Convert {
			f.types = []fhe.Type{c.From}
		}
		fs = append(fs, f)
	}
	return fs
}

// narrow are the forms on types of up to the given width.
func narrow(bits int) (fs []form) {
	for _, f := range forms() {
		if f.t.Bits() <= bits {
			fs = append(fs, f)
		}
	}
	return fs
}

// width is the number of bits of all operands.
func (f form) width() (bits int) {
	for _, t := range f.types {
		bits += t.Bits()
	}
	return bits
}

// split cuts v into operands. Clear ones, for which circuits are built anew, come
// from the upper bits.
func (f form) split(v uint64) []*big.Int {
	out := make([]*big.Int, len(f.types))
	for _, clear := range []bool{false, true} {
		for i, t := range f.types {
			if f.isClear(i) == clear {
				out[i] = number(v & (1<<t.Bits() - 1))
				v >>= t.Bits()
			}
		}
	}
	return out
}

func number(v uint64) *big.Int { return new(big.Int).SetUint64(v) }

func numbers(vs ...uint64) (out []*big.Int) {
	for _, v := range vs {
		out = append(out, number(v))
	}
	return out
}

func (f form) expected(values []*big.Int) []*big.Int {
	return model.Expected(f.row.Op, f.t, f.types, values)
}

// operands are those of values, encrypted by encrypt where they are not clear.
func (f form) operands(values []*big.Int, encrypt func(i int, t fhe.Type, v *big.Int) *Ciphertext) (out []Operand) {
	for i, t := range f.types {
		if f.isClear(i) {
			out = append(out, Clear(uint256.MustFromBig(values[i])))
		} else {
			out = append(out, Encrypted(encrypt(i, t, values[i])))
		}
	}
	return out
}

// draw makes operands: edge values or others of any size, now and then equal.
func (f form) draw(r *rand.Rand) []*big.Int {
	out := make([]*big.Int, len(f.types))
	for i, t := range f.types {
		switch {
		case i > 0 && t == f.types[i-1] && r.IntN(6) == 0:
			out[i] = out[i-1]
		case r.IntN(2) == 0:
			edges := edgeValues(t)
			out[i] = edges[r.IntN(len(edges))]
		default:
			out[i] = new(big.Int).Rsh(random(r, t), uint(r.IntN(t.Bits())))
		}
	}
	return out
}

// random is a number of all of t's bits.
func random(r *rand.Rand, t fhe.Type) *big.Int {
	v := uint256.Int{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
	return new(big.Int).Rsh(v.ToBig(), uint(256-t.Bits()))
}

// edgeValues are the ends and the middle of t's values, signed and unsigned, and
// some between.
func edgeValues(t fhe.Type) []*big.Int {
	if t == fhe.Bool {
		return numbers(0, 1)
	}
	most := new(big.Int).Lsh(number(1), uint(t.Bits()))
	most.Sub(most, number(1))
	half := new(big.Int).Rsh(most, 1)
	third := new(big.Int).Div(most, number(3))
	return append(numbers(0, 1, 2, 5), third, half, new(big.Int).Add(half, number(1)), new(big.Int).Sub(most, number(1)), most)
}
