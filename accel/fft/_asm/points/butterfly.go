package points

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var twoData = ConstData("two", F64(2))

// Two returns a register with 2.0 in all lanes.
func Two() VecVirtual { return Fill(twoData) }

// Turn multiplies a butterfly's twiddle by a power of i.
type Turn int

const (
	Straight Turn = 0
	Left     Turn = 1  // by i
	Right    Turn = -1 // by -i
)

// A Pair is the operands of one butterfly.
type Pair struct {
	u, v *Points
	w    Points
	t    Turn
}

// Join makes a pair of u and v with twiddle w turned by t.
func Join(u, v *Points, w Points, t Turn) Pair { return Pair{u, v, w, t} }

// Butterflies replaces u and v of each pair by x = u + w*v and 2u - x. If
// there are registers for it, it takes each step for all pairs before the
// next, as each waits for the last.
func Butterflies(two VecVirtual, pairs ...Pair) {
	if narrow() {
		for _, p := range pairs {
			interleaved(two, p)
		}
		return
	}
	interleaved(two, pairs...)
}

func interleaved(two VecVirtual, pairs ...Pair) {
	x := make([]Points, len(pairs))
	for i, p := range pairs {
		x[i] = NewPoints()
		VMOVAPD(p.u.Re, x[i].Re)
		VMOVAPD(p.u.Im, x[i].Im)
	}
	for i, p := range pairs {
		p.addRealTimes(x[i])
	}
	for i, p := range pairs {
		p.addImaginaryTimes(x[i])
	}
	for i, p := range pairs {
		Reflect(p.u, p.v, x[i], two)
	}
}

// addRealTimes adds the real part of the turned twiddle times v to x:
// w = re + i*im, i*w = -im + i*re, -i*w = im - i*re.
func (p Pair) addRealTimes(x Points) {
	switch p.t {
	case Straight:
		VFMADD231PD(p.w.Re, p.v.Re, x.Re)
		VFMADD231PD(p.w.Re, p.v.Im, x.Im)
	case Left:
		VFNMADD231PD(p.w.Im, p.v.Re, x.Re)
		VFNMADD231PD(p.w.Im, p.v.Im, x.Im)
	case Right:
		VFMADD231PD(p.w.Im, p.v.Re, x.Re)
		VFMADD231PD(p.w.Im, p.v.Im, x.Im)
	}
}

// addImaginaryTimes adds its imaginary part times i*v.
func (p Pair) addImaginaryTimes(x Points) {
	switch p.t {
	case Straight:
		VFNMADD231PD(p.w.Im, p.v.Im, x.Re)
		VFMADD231PD(p.w.Im, p.v.Re, x.Im)
	case Left:
		VFNMADD231PD(p.w.Re, p.v.Im, x.Re)
		VFMADD231PD(p.w.Re, p.v.Re, x.Im)
	case Right:
		VFMADD231PD(p.w.Re, p.v.Im, x.Re)
		VFNMADD231PD(p.w.Re, p.v.Re, x.Im)
	}
}

// TrivialButterfly is a butterfly with twiddle 1, or -i if t is Right; what
// it leaves out are products with zero.
func TrivialButterfly(u, v *Points, t Turn, two VecVirtual) {
	x := NewPoints()
	if t == Right {
		VADDPD(v.Im, u.Re, x.Re)
		VSUBPD(v.Re, u.Im, x.Im)
	} else {
		VADDPD(v.Re, u.Re, x.Re)
		VADDPD(v.Im, u.Im, x.Im)
	}
	Reflect(u, v, x, two)
}

// Reflect sets v to 2u - x, then u to x.
func Reflect(u, v *Points, x Points, two VecVirtual) {
	VFMSUB132PD(two, x.Re, u.Re)
	VFMSUB132PD(two, x.Im, u.Im)
	*u, *v = x, *u
}

// ForwardRadix4 is a node with twiddle w0 and its two children, with w1 and
// i*w1.
func ForwardRadix4(x []Points, w0, w1 Points, two VecVirtual) {
	Butterflies(two, Join(&x[0], &x[2], w0, Straight), Join(&x[1], &x[3], w0, Straight))
	Butterflies(two, Join(&x[0], &x[1], w1, Straight), Join(&x[2], &x[3], w1, Left))
}

// InverseRadix4 is two levels, the first turned by t.
func InverseRadix4(x []Points, w0, w1 Points, t Turn, two VecVirtual) {
	Butterflies(two, Join(&x[0], &x[1], w0, t), Join(&x[2], &x[3], w0, t))
	Butterflies(two, Join(&x[0], &x[2], w1, Straight), Join(&x[1], &x[3], w1, Right))
}

// TrivialRadix4 is the inverse's levels 1 and 2.
func TrivialRadix4(x []Points, two VecVirtual) {
	TrivialButterfly(&x[0], &x[1], Straight, two)
	TrivialButterfly(&x[2], &x[3], Straight, two)
	TrivialButterfly(&x[0], &x[2], Straight, two)
	TrivialButterfly(&x[1], &x[3], Right, two)
}
