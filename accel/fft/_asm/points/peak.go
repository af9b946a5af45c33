package points

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Peak emits a function that runs a number of rounds of twelve multiply-adds
// that do not wait for each other.
func Peak(name string) {
	TEXT(name, NOSPLIT, "func(rounds uint64)")
	Doc(name + " runs rounds of twelve independent multiply-adds, at least one.")
	factor := zero()
	sums := make([]VecVirtual, 12)
	for i := range sums {
		sums[i] = zero()
	}
	rounds := Load(Param("rounds"), GP64())
	Label("round")
	for _, s := range sums {
		VFMADD231PD(factor, factor, s)
	}
	DECQ(rounds)
	JNZ(LabelRef("round"))
	End()
}

func zero() VecVirtual {
	x := NewVector()
	VXORPD(x, x, x)
	return x
}
