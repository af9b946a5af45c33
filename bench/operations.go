package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/holiman/uint256"

	"fhevm/fhe"
)

// operation is one operation whose latency and throughput bench measures. The
// peer's program has operations of the same names.
type operation struct {
	name     string
	op       fhe.Op
	typ      fhe.Type
	operands int                                                   // of lists: how many
	clear    *uint256.Int                                          // the last operand, nil if that is encrypted
	run      func(context.Context, *machine) (func() error, error) // prepares it; nil: op alone
}

// A clear operand that has no pattern, and one as contracts use it.
var (
	dense = uint256.NewInt(0x9e3779b97f4a7c15)
	ten   = uint256.NewInt(10)
	five  = uint256.NewInt(5)
)

// operations lists what bench measures, in order.
var operations = slices.Concat(
	[]operation{
		{name: "uint64 transfer", run: transfer},
		{name: "uint64 transfer with storage", run: transferStored},
	},
	encryptedOps(fhe.Uint64, fhe.Add, fhe.Sub, fhe.Select, fhe.Eq, fhe.Lt, fhe.Ge, fhe.Min, fhe.Max,
		fhe.And, fhe.Or, fhe.Xor, fhe.Not, fhe.Neg, fhe.Shl, fhe.Shr, fhe.Rotl, fhe.Rotr,
		fhe.LeadingZeros, fhe.Ilog2, fhe.CountOnes, fhe.Isqrt, fhe.TryAdd, fhe.TrySub, fhe.SaturatingAdd,
		fhe.Mul, fhe.TryMul, fhe.Div, fhe.Rem, fhe.MulDiv),
	clearOps(fhe.Uint64, "clear", dense, fhe.Add, fhe.Sub, fhe.Mul, fhe.Eq, fhe.Lt, fhe.Min, fhe.And),
	clearOps(fhe.Uint64, "by 10", ten, fhe.Div, fhe.Rem),
	clearOps(fhe.Uint64, "by 5", five, fhe.Shl, fhe.Shr, fhe.Rotl, fhe.Rotr),
	[]operation{
		{name: "uint64 select against zero", run: selectZero},
		{name: "uint64 rand", run: rand},
		{name: "uint64 randBounded", run: randBounded},
		{name: "uint64 pack", run: pack},
		{name: "uint64 unpack", run: unpack},
		{name: "uint64 sum of 8", op: fhe.Sum, typ: fhe.Uint64, operands: 8},
		{name: "uint64 isIn of 8", op: fhe.IsIn, typ: fhe.Uint64, operands: 9},
	},
	encryptedOps(fhe.Int64, fhe.Add, fhe.Lt, fhe.Shr, fhe.Mul, fhe.Div),
	[]operation{{name: "int64 cast from int16", run: castInt16}},
	encryptedOps(fhe.Uint8, append(sampled, fhe.Mul, fhe.Div)...),
	[]operation{{name: "uint8 lookup", run: lookup}},
	encryptedOps(fhe.Uint32, append(sampled, fhe.Mul, fhe.Div)...),
	encryptedOps(fhe.Uint128, sampled...),
	encryptedOps(fhe.Uint256, fhe.Add, fhe.Eq, fhe.Lt, fhe.And, fhe.Select),
)

// sampled are the operations measured on other widths than 64 bits.
var sampled = []fhe.Op{fhe.Add, fhe.Sub, fhe.Eq, fhe.Lt, fhe.Min, fhe.And, fhe.Select, fhe.Shl}

func encryptedOps(t fhe.Type, ops ...fhe.Op) (list []operation) {
	for _, op := range ops {
		list = append(list, operation{name: fmt.Sprintf("%s %s", t, op), op: op, typ: t})
	}
	return list
}

func clearOps(t fhe.Type, suffix string, value *uint256.Int, ops ...fhe.Op) (list []operation) {
	for _, o := range encryptedOps(t, ops...) {
		o.name += " " + suffix
		o.clear = value
		list = append(list, o)
	}
	return list
}
