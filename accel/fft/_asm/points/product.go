package points

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Row is a vector of a key's row: real and imaginary parts.
type Row struct{ Re, Im Op }

// Times returns d*k.
func Times(d Points, k Row) Points {
	x := NewPoints()
	VMULPD(k.Re, d.Re, x.Re)
	VMULPD(k.Re, d.Im, x.Im)
	VFNMADD231PD(k.Im, d.Im, x.Re)
	VFMADD231PD(k.Im, d.Re, x.Im)
	return x
}

// AddTimes adds d*k to x.
func AddTimes(x, d Points, k Row) {
	VFMADD231PD(k.Re, d.Re, x.Re)
	VFMADD231PD(k.Re, d.Im, x.Im)
	VFNMADD231PD(k.Im, d.Im, x.Re)
	VFMADD231PD(k.Im, d.Re, x.Im)
}

// ExternalProduct returns a vector of the body's products and replaces the
// mask's, at m, by its products. rows are those of the key in its order.
func ExternalProduct(m Mem, body Points, rows func(i int) Row) Points {
	mask := LoadPoints(m)
	x := Times(mask, rows(0))
	y := Times(body, rows(3))
	AddTimes(x, body, rows(2))
	AddTimes(y, mask, rows(1))
	StorePoints(x, m)
	return y
}

// Untwist returns w*x.
func Untwist(x, w Points) Points {
	y := NewPoints()
	VMULPD(w.Im, x.Im, y.Re)
	VMULPD(w.Re, x.Im, y.Im)
	VFMSUB231PD(w.Re, x.Re, y.Re)
	VFMADD231PD(w.Im, x.Re, y.Im)
	return y
}
