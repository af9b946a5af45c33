//go:build !purego

package ntt

import (
	"math/bits"

	"golang.org/x/sys/cpu"

	"fhevm/accel"
)

var useIFMA = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512IFMA && cpu.X86.HasBMI2

func init() { accel.Register("ntt", "avx512ifma", &useIFMA) }

// tables holds what the kernels of ntt_amd64.s read, in their order.
type tables struct {
	field                   [4]uint64
	reduction               [4]uint64
	roots, inverses         [256]pair
	rootLanes, inverseLanes [32][12]lanes
}

// pair is a factor w and floor(w*2^52/q).
type pair struct{ w, quotient uint64 }

// lanes is a vector of eight pairs.
type lanes struct{ w, quotient [8]uint64 }

func newTables(m *Modulus) *tables {
	t := &tables{
		field:     [4]uint64{m.Q, 1<<52 - m.Q, 2 * m.Q, mask52},
		reduction: [4]uint64{m.Q, m.montInv, 1<<50 - m.Q, 1<<50 - 1},
	}
	for i := range t.roots {
		t.roots[i] = m.pair(m.roots[i].w)
		t.inverses[i] = m.pair(m.inverses[i].w)
	}
	for g := range t.rootLanes {
		t.rootLanes[g] = m.forwardLanes(g)
		t.inverseLanes[g] = m.inverseLanes(g)
	}
	return t
}

func (m *Modulus) pair(w uint64) pair {
	quotient, _ := bits.Div64(w>>12, w<<52, m.Q)
	return pair{w, quotient}
}

func (m *Modulus) lanes(powers *[N]factor, node func(lane int) int) (v lanes) {
	for i := range 8 {
		p := m.pair(powers[node(i)].w)
		v.w[i], v.quotient[i] = p.w, p.quotient
	}
	return v
}

// forwardLanes orders the factors of block g on levels 8, 9 and 10, whose nodes
// are numbered by 8g+e and bits 2 and 1 of l for word 8e+l of the block. The
// index counts what is left in the register's number: bits 2 and 0 of e, then
// bit 2 of l and bit 0 of e, then bits 1 and 2 of l.
func (m *Modulus) forwardLanes(g int) (v [12]lanes) {
	for i := range 4 {
		high, low := i>>1, i&1
		v[i] = m.lanes(&m.roots, func(lane int) int { return 256 + 8*g + 4*high + lane>>2*2 + low })
		v[4+i] = m.lanes(&m.roots, func(lane int) int { return 512 + 2*(8*g+lane>>1*2+low) + high })
		v[8+i] = m.lanes(&m.roots, func(lane int) int { return 1024 + 4*(8*g+lane) + 2*low + high })
	}
	return v
}

// inverseLanes is forwardLanes for levels 10, 9 and 8. On the last, the
// register has bits 1 and 0 of e, and lane bit 1 is bit 2 of e.
func (m *Modulus) inverseLanes(g int) (v [12]lanes) {
	for i := range 4 {
		high, low := i>>1, i&1
		v[i] = m.lanes(&m.inverses, func(lane int) int { return 1024 + 4*(8*g+lane) + 2*low + high })
		v[4+i] = m.lanes(&m.inverses, func(lane int) int { return 512 + 2*(8*g+lane>>1*2+low) + high })
		v[8+i] = m.lanes(&m.inverses, func(lane int) int { return 256 + 8*g + lane>>1&1*4 + 2*high + low })
	}
	return v
}

func (m *Modulus) forwardFast(x *Poly) {
	t := m.simd
	forwardIFMA(&x[0], &t.field[0], &t.roots[0].w, &t.rootLanes[0][0].w[0])
}

func (m *Modulus) inverseAddFast(dst, x *Poly) {
	t := m.simd
	inverseAddIFMA(&dst[0], &x[0], &t.field[0], &t.inverses[0].w, &t.inverseLanes[0][0].w[0])
}

// subRunFast negates by complement: -src - 1 + q + 1.
func (m *Modulus) subRunFast(dst, src, x []uint64, negate bool) {
	flip, add := uint64(0), m.Q
	if negate {
		flip, add = ^flip, 2*m.Q+1
	}
	if n := len(dst); n > 0 {
		subRunIFMA(&dst[0], &src[:n][0], &x[:n][0], uint64(n), flip, add)
	}
}

func (m *Modulus) dotFast(dst *[Columns]Poly, x *Digits, w []uint64) {
	dotIFMA(&dst[0][0], &x[0][0], &w[0], &m.simd.reduction[0])
}

func (r *RNS) decomposeFast(d0, d1 *[Levels]Poly, x *[2]Poly) {
	var c [11]uint64
	for p, f := range r.fraction {
		c[3*p], c[3*p+1], c[3*p+2] = f.lo, f.hi&mask52, f.hi>>52
		c[8+p] = r.Moduli[p].Q - halfBase
	}
	c[6], c[7] = offsetLo&mask52, offsetHi<<12|offsetLo>>52
	c[10] = digitMask
	decomposeIFMA(&d0[0][0], &d1[0][0], &x[0][0], &c[0])
}
