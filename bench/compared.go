package main

import (
	"slices"
	"strings"

	"fhevm/fhe"
)

// comparedNames is the text of peers/tfhe-rs/operations.txt: the operations that the
// peer's program must have, which it checks.
func comparedNames() string {
	var b strings.Builder
	for _, o := range operations {
		if o.isCompared() {
			b.WriteString(o.name + "\n")
		}
	}
	return b.String()
}

// lacking are operations that the peer has not, nor parts of them that its users
// would put together. It has mulDiv by a public divisor only.
var lacking = []fhe.Op{fhe.Isqrt, fhe.MulDiv}

// comparedElsewhere are the operations compared on other types than uint64: a run on
// two cores takes an hour, and wide or signed ones tell little new.
var comparedElsewhere = map[fhe.Type][]fhe.Op{
	fhe.Int64:   {fhe.Add, fhe.Lt, fhe.Shr, fhe.Cast},
	fhe.Int8:    {fhe.Mul, fhe.Div},
	fhe.Uint8:   {fhe.Add, fhe.Lt, fhe.Select, fhe.Mul, fhe.Div, fhe.Lookup, fhe.Lookup2},
	fhe.Uint16:  {fhe.Add, fhe.Lt, fhe.Select, fhe.Mul},
	fhe.Uint32:  {fhe.Add, fhe.Lt, fhe.Select, fhe.Mul},
	fhe.Uint128: {fhe.Add, fhe.Lt, fhe.Select},
	fhe.Uint256: {fhe.Add},
}

// isCompared reports whether the peer's program measures o, too.
func (o operation) isCompared() bool {
	if strings.HasPrefix(o.name, fhe.Uint64.String()+" ") {
		return !slices.Contains(lacking, o.op)
	}
	return slices.Contains(comparedElsewhere[o.typ], o.op)
}
