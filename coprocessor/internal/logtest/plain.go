package logtest

import (
	"math"
	"math/bits"

	"fhevm/fhe"
)

// Plain is the plaintext model of the operator table on bool and unsigned types
// of up to 32 bits: the results of an operation on type t. It is nil for what is
// random or read from a table.
func Plain(op fhe.Op, t fhe.Type, a []uint64) []uint64 {
	mask := uint64(1)<<t.Bits() - 1
	bit := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	checked := func(exact uint64) []uint64 { return []uint64{exact & mask, bit(exact <= mask)} }
	one := func(v uint64) []uint64 { return []uint64{v & mask} }
	switch op {
	case fhe.Add:
		return one(a[0] + a[1])
	case fhe.Sub:
		return one(a[0] - a[1])
	case fhe.Mul:
		return one(a[0] * a[1])
	case fhe.Div:
		if a[1] == 0 {
			return one(mask)
		}
		return one(a[0] / a[1])
	case fhe.Rem:
		if a[1] == 0 {
			return one(a[0])
		}
		return one(a[0] % a[1])
	case fhe.MulDiv:
		if a[2] == 0 {
			return one(mask)
		}
		return one(a[0] * a[1] / a[2])
	case fhe.And:
		return one(a[0] & a[1])
	case fhe.Or:
		return one(a[0] | a[1])
	case fhe.Xor:
		return one(a[0] ^ a[1])
	case fhe.Shl:
		return one(a[0] << (a[1] % uint64(t.Bits())))
	case fhe.Shr:
		return one(a[0] >> (a[1] % uint64(t.Bits())))
	case fhe.Rotl, fhe.Rotr:
		n := uint64(t.Bits())
		by := a[1] % n
		if op == fhe.Rotr {
			by = (n - by) % n
		}
		return one(a[0]<<by | a[0]>>(n-by))
	case fhe.Eq:
		return []uint64{bit(a[0] == a[1])}
	case fhe.Ne:
		return []uint64{bit(a[0] != a[1])}
	case fhe.Ge:
		return []uint64{bit(a[0] >= a[1])}
	case fhe.Gt:
		return []uint64{bit(a[0] > a[1])}
	case fhe.Le:
		return []uint64{bit(a[0] <= a[1])}
	case fhe.Lt:
		return []uint64{bit(a[0] < a[1])}
	case fhe.Min:
		return one(min(a[0], a[1]))
	case fhe.Max:
		return one(max(a[0], a[1]))
	case fhe.Neg:
		return one(-a[0])
	case fhe.Not:
		return one(^a[0])
	case fhe.Cast:
		if t == fhe.Bool {
			return []uint64{bit(a[0] != 0)}
		}
		return one(a[0])
	case fhe.Trivial:
		return one(a[0])
	case fhe.Select:
		return one([]uint64{a[2], a[1]}[a[0]])
	case fhe.Sum:
		total := uint64(0)
		for _, v := range a {
			total += v
		}
		return one(total)
	case fhe.IsIn:
		found := uint64(0)
		for _, v := range a[1:] {
			found |= bit(v == a[0])
		}
		return []uint64{found}
	case fhe.TryAdd:
		return checked(a[0] + a[1])
	case fhe.TrySub:
		return checked(a[0] - a[1])
	case fhe.TryMul:
		return checked(a[0] * a[1])
	case fhe.SaturatingAdd:
		return one(min(a[0]+a[1], mask))
	case fhe.SaturatingSub:
		return one(max(a[0], a[1]) - a[1])
	case fhe.Isqrt:
		return one(uint64(math.Sqrt(float64(a[0]))))
	case fhe.Ilog2:
		return []uint64{uint64(bits.Len64(a[0])-1) & 0xffff}
	case fhe.CountOnes:
		return []uint64{uint64(bits.OnesCount64(a[0]))}
	case fhe.LeadingZeros:
		return []uint64{uint64(t.Bits() - bits.Len64(a[0]))}
	case fhe.TrailingZeros:
		return []uint64{uint64(min(bits.TrailingZeros64(a[0]), t.Bits()))}
	}
	return nil
}
