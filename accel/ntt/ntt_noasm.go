//go:build !amd64 || purego

package ntt

const useIFMA = false

type tables struct{}

func newTables(*Modulus) *tables { return nil }

// Without vector kernels useIFMA is false and nothing calls these.

func (m *Modulus) forwardFast(x *Poly)                               { m.forward(x) }
func (m *Modulus) inverseAddFast(dst, x *Poly)                       { m.inverseAdd(dst, x) }
func (m *Modulus) subRunFast(dst, src, x []uint64, negate bool)      { m.subRun(dst, src, x, negate) }
func (m *Modulus) dotFast(dst *[Columns]Poly, x *Digits, w []uint64) { m.dot(dst, x, w) }
func (r *RNS) decomposeFast(d0, d1 *[Levels]Poly, x *[2]Poly)        { r.decompose(d0, d1, x) }
