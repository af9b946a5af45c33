package store

import (
	"slices"

	"github.com/holiman/uint256"

	"fhevm/fhe"
)

// maxTerms is the most that a fused sum adds up. The blocks of five numbers fit
// together into a block's space (5 * 3 = 15), so such a sum needs no bootstrap
// before its carries are resolved: five at once cost less than two additions one
// after the other, and whoever uses an intermediate sum too pays for one more of them,
// however long the chain is.
const maxTerms = 5

// fuser brings computations to the form in which they run: what is a chain of
// additions, or of operations with clear values, on values that one transaction
// made becomes one operation (SPEC 7.1). That is decided by the derivation alone,
// never by which intermediate values are wanted, kept or computed already.
type fuser struct {
	node func(ID) (*Node, error) // of a content that the log has named
}

// fuse changes n, an operation, in place. The nodes that it is made of are fused
// already.
func (f fuser) fuse(n *Node) error {
	if fused, err := f.foldClear(n); fused || err != nil {
		return err
	}
	return f.flatten(n)
}

// flatten replaces terms of a sum that are sums made in the same transaction by
// their own terms, from left to right, as far as maxTerms allows.
func (f fuser) flatten(n *Node) error {
	terms := sum(n.Type, addends(n))
	spliced := false
	for i := 0; i < len(terms); {
		inner, err := f.made(terms[i], n.Type)
		if err != nil {
			return err
		}
		parts := addends(inner)
		longer := sum(n.Type, slices.Replace(slices.Clone(terms), i, i+1, parts...))
		if len(parts) == 0 || len(longer) > maxTerms {
			i++
			continue
		}
		terms, spliced = longer, true
		i += encrypted(parts)
	}
	if spliced {
		n.Op, n.Operands = sumOf(len(terms)), terms
	}
	return nil
}

// sumOf is the operation that adds up so many terms.
func sumOf(terms int) fhe.Op {
	if terms == 2 {
		return fhe.Add
	}
	return fhe.Sum
}

// made is the operation on type t that makes an operand, nil if the operand was not
// made by one in the same transaction.
func (f fuser) made(o fhe.Operand, t fhe.Type) (*Node, error) {
	if o.Kind != fhe.Made {
		return nil, nil
	}
	n, err := f.node(o.Word)
	if err != nil || n.Kind != Operation || n.Type != t {
		return nil, err
	}
	return n, nil
}

// addends are the terms of which n is the sum, none if it is something else.
func addends(n *Node) []fhe.Operand {
	switch {
	case n == nil:
		return nil
	case n.Op == fhe.Add, n.Op == fhe.Sum:
		return n.Operands
	case n.Op == fhe.Sub && n.Operands[1].Kind == fhe.Clear:
		less := new(uint256.Int).Neg(n.Operands[1].Value())
		return []fhe.Operand{n.Operands[0], clearOperand(n.Type, less)}
	}
	return nil
}

// sum is the encrypted ones of terms and, behind them, the sum of the clear ones if
// there are any.
func sum(t fhe.Type, terms []fhe.Operand) []fhe.Operand {
	out := make([]fhe.Operand, 0, len(terms))
	total := new(uint256.Int)
	for _, o := range terms {
		if o.Kind == fhe.Clear {
			total.Add(total, o.Value())
		} else {
			out = append(out, o)
		}
	}
	if len(out) < len(terms) {
		out = append(out, clearOperand(t, total))
	}
	return out
}

func encrypted(operands []fhe.Operand) (n int) {
	for _, o := range operands {
		if o.Kind != fhe.Clear {
			n++
		}
	}
	return n
}

// clearOperand is v modulo 2^width of t.
func clearOperand(t fhe.Type, v *uint256.Int) fhe.Operand {
	unused := uint(256 - t.Bits())
	return fhe.ClearOperand(new(uint256.Int).Rsh(new(uint256.Int).Lsh(v, unused), unused))
}

// foldClear turns (x op c) op d, for clear c and d, into x op (c op d). It reports
// false if n is no such operation.
func (f fuser) foldClear(n *Node) (bool, error) {
	x, outer, ok := withClear(n)
	if !ok {
		return false, nil
	}
	inner, err := f.made(x, n.Type)
	if inner == nil || err != nil {
		return false, err
	}
	x, c, ok := withClear(inner)
	if !ok {
		return false, nil
	}
	folded, ok := fold(inner.Op, n.Op, n.Type, c.Value(), outer.Value())
	if !ok {
		return false, nil
	}
	n.Operands = []fhe.Operand{x, folded}
	return true, nil
}

// withClear splits an operation on an encrypted and a clear value. The clear one
// is the right one, unless the operation is commutative.
func withClear(n *Node) (x, c fhe.Operand, ok bool) {
	row, err := n.Op.Operator()
	if err != nil || len(n.Operands) != 2 {
		return x, c, false
	}
	x, c = n.Operands[0], n.Operands[1]
	if row.Swap && x.Kind == fhe.Clear {
		x, c = c, x
	}
	return x, c, x.Kind != fhe.Clear && c.Kind == fhe.Clear
}

// fold is the clear value with which op does what first inner with c and then op
// with d do, on type t; false if there is none.
func fold(inner, op fhe.Op, t fhe.Type, c, d *uint256.Int) (fhe.Operand, bool) {
	v := new(uint256.Int)
	switch {
	case op == fhe.Rotl && inner == fhe.Rotr, op == fhe.Rotr && inner == fhe.Rotl:
		return clearOperand(fhe.Uint8, rotation(t, d, v.Neg(c))), true
	case op != inner:
		return fhe.Operand{}, false
	}
	switch op {
	case fhe.Mul:
		v.Mul(c, d)
	case fhe.And:
		v.And(c, d)
	case fhe.Or:
		v.Or(c, d)
	case fhe.Xor:
		v.Xor(c, d)
	case fhe.Rotl, fhe.Rotr:
		return clearOperand(fhe.Uint8, rotation(t, c, d)), true
	case fhe.Shl, fhe.Shr:
		return shift(op, t, c, d)
	default:
		return fhe.Operand{}, false
	}
	return clearOperand(t, v), true
}

// rotation is c + d modulo the width of t, a power of two.
func rotation(t fhe.Type, c, d *uint256.Int) *uint256.Int {
	v := new(uint256.Int).Add(c, d)
	return v.Mod(v, uint256.NewInt(uint64(t.Bits())))
}

// shift is the amount by which a shift by c and then by d, each modulo the width,
// shifts. One by the whole width has no amount, unless it repeats the sign.
func shift(op fhe.Op, t fhe.Type, c, d *uint256.Int) (fhe.Operand, bool) {
	width := uint64(t.Bits())
	amount := c.Uint64()%width + d.Uint64()%width
	if amount >= width {
		if op == fhe.Shl || !t.Signed() {
			return fhe.Operand{}, false
		}
		amount = width - 1
	}
	return fhe.ClearOperand(uint256.NewInt(amount)), true
}
