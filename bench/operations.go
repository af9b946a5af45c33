package main

import (
	"context"
	"slices"

	"github.com/holiman/uint256"

	"fhevm/fhe"
)

// operation is one operation whose latency and throughput bench measures.
type operation struct {
	name     string
	op       fhe.Op
	typ      fhe.Type
	operands int          // of lists: how many
	clear    *uint256.Int // the last operand, nil if that is encrypted
	run      preparation  // nil: op alone
}

// preparation makes an operation's operands and returns what runs it, many times at
// once.
type preparation func(context.Context, *machine) (func() error, error)

// A clear operand that has no pattern, and one as contracts use it.
var (
	dense = uint256.NewInt(0x9e3779b97f4a7c15)
	ten   = uint256.NewInt(10)
	five  = uint256.NewInt(5)
)

// operations lists what bench measures, in order: all of the operator table on 64
// bits, and samples of other widths.
var operations = slices.Concat(
	[]operation{
		{name: "uint64 transfer", run: transfer},
		{name: "uint64 transfer with storage", run: transferStored},
		{name: "uint64 pack", run: pack},
		{name: "uint64 unpack", run: unpack},
	},
	tableOps(fhe.Uint64, everyOp()...),
	clearOps(fhe.Uint64, "clear", dense, fhe.Add, fhe.Sub, fhe.Mul, fhe.Eq, fhe.Lt, fhe.Min, fhe.And),
	clearOps(fhe.Uint64, "by 10", ten, fhe.Div, fhe.Rem),
	clearOps(fhe.Uint64, "by 5", five, fhe.Shl, fhe.Shr, fhe.Rotl, fhe.Rotr),
	[]operation{{name: "uint64 select against zero", op: fhe.Select, typ: fhe.Uint64, run: selectZero}},
	tableOps(fhe.Int64, fhe.Add, fhe.Lt, fhe.Shr, fhe.Mul, fhe.Div),
	[]operation{{name: "int64 cast from int16", op: fhe.Cast, typ: fhe.Int64, run: castInt16}},
	tableOps(fhe.Int8, fhe.Mul, fhe.Div),
	tableOps(fhe.Uint8, append(sampled, fhe.Mul, fhe.Div, fhe.Lookup, fhe.Lookup2)...),
	tableOps(fhe.Uint16, fhe.Add, fhe.Lt, fhe.Select, fhe.Mul),
	tableOps(fhe.Uint32, append(sampled, fhe.Mul, fhe.Div)...),
	tableOps(fhe.Uint128, sampled...),
	tableOps(fhe.Uint256, fhe.Add, fhe.Eq, fhe.Lt, fhe.And, fhe.Select),
)

// sampled are the operations measured on other widths than 64 bits.
var sampled = []fhe.Op{fhe.Add, fhe.Sub, fhe.Eq, fhe.Lt, fhe.Min, fhe.And, fhe.Select, fhe.Shl}

// everyOp lists the operator table.
func everyOp() (all []fhe.Op) {
	for _, row := range fhe.Operators() {
		all = append(all, row.Op)
	}
	return all
}

// tableOps are those of ops that type t has, on encrypted operands.
func tableOps(t fhe.Type, ops ...fhe.Op) (list []operation) {
	for _, op := range ops {
		if o, ok := tableOp(t, op); ok {
			list = append(list, o)
		}
	}
	return list
}

// listed is the number of operands of a sum, and of the elements of a list.
const listed = 8

// tableOp is op on type t, if t has it, but for casts and trivial encryptions, which
// hardly compute.
func tableOp(t fhe.Type, op fhe.Op) (operation, bool) {
	row, err := op.Operator()
	if err != nil || !row.On(t) {
		return operation{}, false
	}
	o := operation{name: t.String() + " " + row.Name, op: op, typ: t}
	switch row.Shape {
	case fhe.Convert, fhe.Encrypt:
		return o, false
	case fhe.Fold:
		o.name, o.operands = o.name+" of 8", listed
	case fhe.Member:
		o.name, o.operands = o.name+" of 8", 1+listed
	case fhe.Draw:
		o.run = draw(row, t)
	case fhe.Table:
		o.run = lookup(row, t)
	}
	return o, true
}

func clearOps(t fhe.Type, suffix string, value *uint256.Int, ops ...fhe.Op) (list []operation) {
	for _, o := range tableOps(t, ops...) {
		o.name += " " + suffix
		o.clear = value
		list = append(list, o)
	}
	return list
}
