package radix

import (
	"math/big"

	"fhevm/fhe"
)

// expected computes op on integers of any size. args holds all operands,
// clear ones too.
func expected(op fhe.Op, t fhe.Type, args []uint64) uint64 {
	in := make([]*big.Int, len(args))
	for i, a := range args {
		in[i] = new(big.Int).SetUint64(a)
	}
	x, y := in[0], in[len(in)-1]
	bound := new(big.Int).Lsh(big.NewInt(1), uint(t.Bits()))
	out := new(big.Int)
	switch op {
	case fhe.Add:
		out.Add(x, y)
	case fhe.Sub:
		out.Sub(x, y)
	case fhe.Mul:
		out.Mul(x, y)
	case fhe.And:
		out.And(x, y)
	case fhe.Or:
		out.Or(x, y)
	case fhe.Xor:
		out.Xor(x, y)
	case fhe.Neg:
		out.Neg(x)
	case fhe.Not:
		out.Sub(bound, big.NewInt(1)).Sub(out, x)
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
			out.Set(in[1])
		}
	case fhe.Min:
		out.Set(x)
		if y.Cmp(x) < 0 {
			out.Set(y)
		}
	case fhe.Max:
		out.Set(x)
		if y.Cmp(x) > 0 {
			out.Set(y)
		}
	default:
		return truth(compares(op, x.Cmp(y)))
	}
	return out.Mod(out, bound).Uint64()
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
	panic("unknown comparison " + op.String())
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
