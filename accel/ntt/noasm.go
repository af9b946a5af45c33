package ntt

const useIFMA = false

type tables struct{}

func newTables(*Modulus) *tables                             { return nil }
func (m *Modulus) forwardIFMA(*Poly)                         {}
func (m *Modulus) inverseAddIFMA(_, _ *Poly)                 {}
func (m *Modulus) rotateSubIFMA(_, _ *Poly, _ int, _ bool)   {}
func (m *Modulus) dotIFMA(*[Columns]Poly, *Digits, []uint64) {}
func (r *RNS) decomposeIFMA(_, _ *[Levels]Poly, _ *[2]Poly)  {}
