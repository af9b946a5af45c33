// Package model computes on plain integers what circuits compute on encrypted
// ones: slow, obvious, and written independently of them.
package model

import (
	"math/big"

	"fhevm/fhe"
)

// Expected is the results of op on type t. Operands are of the given types; they
// and the results are in [0, 2^bits), in two's complement for signed types.
func Expected(op fhe.Op, t fhe.Type, types []fhe.Type, operands []*big.Int) []*big.Int {
	args := make([]*big.Int, len(operands))
	for i, v := range operands {
		args[i] = value(types[i], v)
	}
	exact := integers(op, t, args)
	row, err := op.Operator()
	if err != nil {
		panic(err)
	}
	out := make([]*big.Int, len(exact))
	for i, result := range row.Results(t) {
		out[i] = wrap(result, exact[i])
	}
	return out
}

// Entry is what a look-up finds in a table of 256 entries: the one at its operand,
// or at two operands of four bits each, the first of them low.
func Entry(table []uint16, operands []*big.Int) *big.Int {
	at := operands[0].Uint64()
	if len(operands) == 2 {
		at = at%16 + 16*(operands[1].Uint64()%16)
	}
	return new(big.Int).SetUint64(uint64(table[at]))
}

// value is the number that v stands for in type t.
func value(t fhe.Type, v *big.Int) *big.Int {
	if t.Signed() && v.Bit(t.Bits()-1) == 1 {
		return new(big.Int).Sub(v, bound(t))
	}
	return v
}

// bound is 2^bits.
func bound(t fhe.Type) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(t.Bits())) }

// wrap is v modulo 2^bits.
func wrap(t fhe.Type, v *big.Int) *big.Int { return new(big.Int).Mod(v, bound(t)) }

// fits reports whether v is a value of t.
func fits(t fhe.Type, v *big.Int) bool { return value(t, wrap(t, v)).Cmp(v) == 0 }

// limits are the least and the largest value of t.
func limits(t fhe.Type) (least, most *big.Int) {
	most = new(big.Int).Sub(bound(t), big.NewInt(1))
	if t.Signed() {
		most.Rsh(most, 1)
		return new(big.Int).Not(most), most
	}
	return new(big.Int), most
}

// integers is the results before they wrap around.
func integers(op fhe.Op, t fhe.Type, args []*big.Int) []*big.Int {
	x, y := args[0], args[len(args)-1]
	out := new(big.Int)
	switch op {
	case fhe.Add, fhe.TryAdd, fhe.SaturatingAdd:
		out.Add(x, y)
	case fhe.Sub, fhe.TrySub, fhe.SaturatingSub:
		out.Sub(x, y)
	case fhe.Mul, fhe.TryMul:
		out.Mul(x, y)
	case fhe.Div, fhe.Rem:
		return []*big.Int{divide(op, x, y)}
	case fhe.MulDiv:
		return []*big.Int{divide(fhe.Div, out.Mul(x, args[1]), y)}
	case fhe.And:
		out.And(x, y)
	case fhe.Or:
		out.Or(x, y)
	case fhe.Xor:
		out.Xor(x, y)
	case fhe.Shl, fhe.Shr, fhe.Rotl, fhe.Rotr:
		return []*big.Int{shift(op, t, x, uint(y.Uint64())%uint(t.Bits()))}
	case fhe.Neg:
		out.Neg(x)
	case fhe.Not:
		out.Not(x)
	case fhe.Cast:
		out.Set(x)
		if t == fhe.Bool {
			out.SetUint64(truth(x.Sign() != 0))
		}
	case fhe.Trivial:
		out.Set(x)
	case fhe.Select:
		out.Set(y)
		if x.Sign() != 0 {
			out.Set(args[1])
		}
	case fhe.Min, fhe.Max:
		out.Set(x)
		if (op == fhe.Min) == (y.Cmp(x) < 0) {
			out.Set(y)
		}
	case fhe.Sum:
		for _, a := range args {
			out.Add(out, a)
		}
	case fhe.IsIn:
		for _, a := range args[1:] {
			out.SetUint64(out.Uint64() | truth(a.Cmp(x) == 0))
		}
	case fhe.Isqrt:
		out.Sqrt(x)
	case fhe.Ilog2, fhe.CountOnes, fhe.LeadingZeros, fhe.TrailingZeros:
		out.SetInt64(int64(measure(op, t, wrap(t, x))))
	default:
		out.SetUint64(truth(compares(op, x.Cmp(y))))
	}
	return finish(op, t, out)
}

// finish saturates, or adds the flag of a checked operation.
func finish(op fhe.Op, t fhe.Type, exact *big.Int) []*big.Int {
	switch op {
	case fhe.TryAdd, fhe.TrySub, fhe.TryMul:
		return []*big.Int{exact, new(big.Int).SetUint64(truth(fits(t, exact)))}
	case fhe.SaturatingAdd, fhe.SaturatingSub:
		least, most := limits(t)
		if exact.Cmp(least) < 0 {
			return []*big.Int{least}
		}
		if exact.Cmp(most) > 0 {
			return []*big.Int{most}
		}
	}
	return []*big.Int{exact}
}

func divide(op fhe.Op, x, y *big.Int) *big.Int {
	switch {
	case op == fhe.Div && y.Sign() == 0:
		return big.NewInt(-1)
	case op == fhe.Div:
		return new(big.Int).Quo(x, y)
	case y.Sign() == 0:
		return x
	}
	return new(big.Int).Rem(x, y)
}

// shift shifts the number x, or rotates its bits, by less than the width.
func shift(op fhe.Op, t fhe.Type, x *big.Int, by uint) *big.Int {
	width, bits := uint(t.Bits()), wrap(t, x)
	switch op {
	case fhe.Shl:
		return new(big.Int).Lsh(x, by)
	case fhe.Shr:
		return new(big.Int).Rsh(x, by)
	case fhe.Rotr:
		by = (width - by) % width
	}
	high := new(big.Int).Rsh(bits, width-by)
	return high.Or(high, new(big.Int).Lsh(bits, by))
}

func measure(op fhe.Op, t fhe.Type, bits *big.Int) (n int) {
	switch op {
	case fhe.Ilog2:
		return bits.BitLen() - 1
	case fhe.LeadingZeros:
		return t.Bits() - bits.BitLen()
	case fhe.TrailingZeros:
		if bits.Sign() == 0 {
			return t.Bits()
		}
		return int(bits.TrailingZeroBits())
	}
	for i := range t.Bits() {
		n += int(bits.Bit(i))
	}
	return n
}

// compares is the comparison op for the sign of x - y.
func compares(op fhe.Op, sign int) bool {
	switch op {
	case fhe.Eq:
		return sign == 0
	case fhe.Ne:
		return sign != 0
	case fhe.Ge:
		return sign >= 0
	case fhe.Gt:
		return sign > 0
	case fhe.Le:
		return sign <= 0
	case fhe.Lt:
		return sign < 0
	}
	panic("no model of " + op.String())
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
