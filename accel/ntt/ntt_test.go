package ntt

import (
	"math/big"
	"math/bits"
	"math/rand/v2"
	"testing"

	"fhevm/accel"
)

const (
	q0 = 1125899906826241
	q1 = 1125899906732033
)

func newRNS(t testing.TB) *RNS {
	t.Helper()
	r, err := NewRNS(q0, q1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// onEach runs f once for each implementation that this machine has.
func onEach(t *testing.T, f func(t *testing.T, r *RNS)) {
	r := newRNS(t)
	defer accel.Reset("ntt")
	for _, name := range accel.Implementations("ntt") {
		if !accel.Select("ntt", name) {
			t.Fatalf("cannot select %s", name)
		}
		t.Run(name, func(t *testing.T) { f(t, r) })
	}
}

func random(r *rand.Rand, bound uint64) *Poly {
	x := new(Poly)
	for i := range x {
		x[i] = r.Uint64N(bound)
	}
	return x
}

// extremes alternates the largest and the smallest word of a range.
func extremes(bound uint64) *Poly {
	x := new(Poly)
	for i := range x {
		if bits.OnesCount(uint(i))%2 == 0 {
			x[i] = bound - 1
		}
	}
	return x
}

func TestNewRefuses(t *testing.T) {
	for _, q := range []uint64{0, 1, 4097, 1<<50 - 1, q0 - 4096, q0 - 1, 1125899906629633 - 1<<40, 2251799813640193} {
		if _, err := New(q); err == nil {
			t.Errorf("New(%d) succeeded", q)
		}
	}
}

// The value at each position is the sum of x_i * psi^(i*(2r+1)).
func TestForwardEvaluates(t *testing.T) { onEach(t, testForward) }

func testForward(t *testing.T, rns *RNS) {
	for _, m := range rns.Moduli {
		psi := m.root()
		if m.Exp(psi, N) != m.Q-1 {
			t.Fatalf("psi^%d is not -1", N)
		}
		x := random(rand.New(rand.NewPCG(1, m.Q)), m.Q)
		values := *x
		m.Forward(&values)
		m.Reduce(&values)
		for position := 0; position < N; position += 37 {
			g, l, e := position/64, position/8%8, position%8
			r := bits.Reverse64(uint64(64*g+8*e+l)) >> (64 - logN)
			point, want := m.Exp(psi, 2*r+1), uint64(0)
			for i := N - 1; i >= 0; i-- {
				want = m.Add(m.Mul(want, point), x[i])
			}
			if values[position] != want {
				t.Fatalf("modulo %d: position %d holds %d, want %d", m.Q, position, values[position], want)
			}
		}
	}
}

// A product of values is the negacyclic product, by the schoolbook.
func TestProduct(t *testing.T) { onEach(t, testProduct) }

func testProduct(t *testing.T, rns *RNS) {
	for _, m := range rns.Moduli {
		r := rand.New(rand.NewPCG(2, m.Q))
		a, b := random(r, m.Q), random(r, m.Q)
		want := schoolbook(a, b, m.Q)
		m.Forward(a)
		m.Forward(b)
		m.Reduce(a)
		m.Reduce(b)
		for i := range a {
			a[i] = m.Mul(a[i], b[i])
		}
		m.Inverse(a)
		if *a != *want {
			t.Errorf("product modulo %d differs from the schoolbook", m.Q)
		}
	}
}

func schoolbook(a, b *Poly, q uint64) *Poly {
	var sums [2 * N]big.Int
	var x, y, xy big.Int
	for i := range a {
		x.SetUint64(a[i])
		for j := range b {
			sums[i+j].Add(&sums[i+j], xy.Mul(&x, y.SetUint64(b[j])))
		}
	}
	out, modulus := new(Poly), new(big.Int).SetUint64(q)
	for i := range out {
		out[i] = x.Mod(x.Sub(&sums[i], &sums[i+N]), modulus).Uint64()
	}
	return out
}

func TestLazyRanges(t *testing.T) { onEach(t, testLazyRanges) }

func testLazyRanges(t *testing.T, rns *RNS) {
	for _, m := range rns.Moduli {
		x := extremes(4 * m.Q)
		reduced := *x
		m.Reduce(&reduced)
		m.Forward(x)
		m.Forward(&reduced)
		for i, v := range x {
			if v >= 4*m.Q || v%m.Q != reduced[i]%m.Q {
				t.Fatalf("Forward from the ends of its range: word %d is %d", i, v)
			}
		}
		y := extremes(2 * m.Q)
		reduced = *y
		m.Reduce(&reduced)
		got, want := *random(rand.New(rand.NewPCG(3, 3)), m.Q), Poly{}
		before := got
		m.InverseAdd(&got, y)
		m.InverseAdd(&want, &reduced)
		for i := range got {
			if got[i] != m.Add(before[i], want[i]) {
				t.Fatalf("InverseAdd from the ends of its range: word %d is %d", i, got[i])
			}
		}
	}
}

func TestRotateSub(t *testing.T) { onEach(t, testRotateSub) }

func testRotateSub(t *testing.T, rns *RNS) {
	m := rns.Moduli[0]
	x := random(rand.New(rand.NewPCG(4, 4)), m.Q)
	x[5] = 0
	for _, a := range []int{0, 1, 5, 8, 63, 1024, 2047, 2048, 2049, 3000, 4095} {
		var got Poly
		m.RotateSub(&got, x, a)
		for i := range got {
			v := x[(i-a)&(N-1)]
			if (i-a)&N != 0 {
				v = (m.Q - v) % m.Q
			}
			if want := m.Sub(v, x[i]); got[i] > 2*m.Q || got[i]%m.Q != want {
				t.Fatalf("a = %d: word %d is %d, want %d modulo q", a, i, got[i], want)
			}
		}
	}
}

// The fixed-point x/Q lies within 3 * 2^-104 of the exact fraction.
func TestFixedPointIsUnbiased(t *testing.T) {
	rns := newRNS(t)
	r := rand.New(rand.NewPCG(5, 5))
	scale := new(big.Int).Lsh(big.NewInt(1), fixedBits)
	offset := new(big.Int).Lsh(big.NewInt(offsetHi), 64)
	offset.Add(offset, big.NewInt(offsetLo))
	for i := range 20000 {
		y0, y1 := r.Uint64N(2*q0+1), r.Uint64N(2*q1+1)
		if i == 0 {
			y0, y1 = 2*q0, 2*q1
		}
		hi, lo := rns.fixedPoint(y0, y1)
		got := new(big.Int).Lsh(new(big.Int).SetUint64(hi), 64)
		got.Add(got, new(big.Int).SetUint64(lo)).Sub(got, offset)
		// error = got/2^104 - (y0/q0 + y1/q1), times Q * 2^104
		exact := new(big.Int).Mul(new(big.Int).SetUint64(y0), big.NewInt(q1))
		exact.Add(exact, new(big.Int).Mul(new(big.Int).SetUint64(y1), big.NewInt(q0)))
		exact.Mul(exact, scale)
		diff := got.Mul(got, rns.Q).Sub(got, exact)
		if limit := new(big.Int).Mul(rns.Q, big.NewInt(3)); diff.CmpAbs(limit) > 0 {
			t.Fatalf("fixed point of (%d, %d) is off by %v * 2^-104/Q", y0, y1, diff)
		}
	}
}

// Digits are in range and recompose to x within half of Q/B^3.
func TestDecompose(t *testing.T) { onEach(t, testDecompose) }

func testDecompose(t *testing.T, rns *RNS) {
	r := rand.New(rand.NewPCG(6, 6))
	x := [2]Poly{*random(r, 2*q0), *random(r, 2*q1)}
	x[0][0], x[1][0] = 0, 0
	x[0][1], x[1][1] = 2*q0, 2*q1
	digits := new([2]Digits)
	rns.Decompose(digits, 1, &x)
	for i := range N {
		sum := new(big.Int) // of d_j * B^(3-j)
		for j := range Levels {
			d := int64(digits[0][Levels+j][i]) - q0
			if d < -halfBase || d >= halfBase || int64(digits[1][Levels+j][i])-q1 != d {
				t.Fatalf("digit %d of coefficient %d is %d", j, i, d)
			}
			sum.Lsh(sum, BaseLog).Add(sum, big.NewInt(d))
		}
		// |sum * Q/B^3 - x| <= Q/(2 B^3) + slack, all times B^3
		e := sum.Mul(sum, rns.Q).Sub(sum, new(big.Int).Lsh(combine(rns, x[0][i], x[1][i]), Levels*BaseLog))
		period := new(big.Int).Lsh(rns.Q, Levels*BaseLog)
		if e.Mod(e, period); new(big.Int).Lsh(e, 1).Cmp(period) > 0 {
			e.Sub(e, period)
		}
		limit := new(big.Int).Rsh(rns.Q, 1)
		limit.Add(limit, new(big.Int).Rsh(rns.Q, 26))
		if e.CmpAbs(limit) > 0 {
			t.Fatalf("coefficient %d does not recompose", i)
		}
	}
}

// combine returns x modulo Q from y0, y1.
func combine(r *RNS, y0, y1 uint64) *big.Int {
	x := new(big.Int).Mul(new(big.Int).SetUint64(y0), big.NewInt(q1))
	x.Add(x, new(big.Int).Mul(new(big.Int).SetUint64(y1), big.NewInt(q0)))
	return x.Mod(x, r.Q)
}

func TestDot(t *testing.T) { onEach(t, testDot) }

func testDot(t *testing.T, rns *RNS) {
	m := rns.Moduli[1]
	r := rand.New(rand.NewPCG(7, 7))
	x, w := new(Digits), make([]uint64, MatrixWords)
	for i := range x {
		x[i] = *random(r, 4*m.Q)
		x[i][0], x[i][1] = 4*m.Q-1, 0
	}
	for i := range w {
		w[i] = r.Uint64N(m.Q)
	}
	for row := range Rows {
		for z := range Columns {
			w[MatrixIndex(row, z, 0)] = m.Q - 1
		}
	}
	var got [Columns]Poly
	m.Dot(&got, x, w)
	q, shift := new(big.Int).SetUint64(m.Q), new(big.Int).Lsh(big.NewInt(1), 52)
	shift.ModInverse(shift, q)
	for i := range N {
		for z := range got {
			want := new(big.Int)
			for row := range x {
				a, b := new(big.Int).SetUint64(x[row][i]), new(big.Int).SetUint64(w[MatrixIndex(row, z, i)])
				want.Add(want, a.Mul(a, b))
			}
			want.Mul(want, shift).Mod(want, q)
			if got[z][i] >= 2*m.Q || got[z][i]%m.Q != want.Uint64() {
				t.Fatalf("word %d of column %d is %d, want %v modulo q", i, z, got[z][i], want)
			}
		}
	}
}

// Chained steps of a blind rotation, from extreme and from random words, end
// in the same words on every implementation.
func TestImplementationsAgree(t *testing.T) {
	var want *[Columns][2]Poly
	onEach(t, func(t *testing.T, rns *RNS) {
		got := rotateBlindly(rns)
		if want == nil {
			want = got
		}
		if *got != *want {
			t.Error("differs from the first implementation")
		}
	})
}

func rotateBlindly(rns *RNS) *[Columns][2]Poly {
	r, acc := rand.New(rand.NewPCG(10, 10)), new([Columns][2]Poly)
	var turned [2]Poly
	digits, sum, w := new([2]Digits), new([Columns]Poly), [2][]uint64{}
	for p, m := range rns.Moduli {
		acc[0][p], acc[1][p] = *random(r, m.Q), *extremes(m.Q)
		w[p] = make([]uint64, MatrixWords)
		for i := range w[p] {
			w[p][i] = max(r.Uint64N(m.Q+100), 100) - 100
		}
	}
	for a := 1; a < 2*N; a += 97 {
		for c := range acc {
			for p, m := range rns.Moduli {
				m.RotateSub(&turned[p], &acc[c][p], a)
			}
			rns.Decompose(digits, c, &turned)
		}
		for p, m := range rns.Moduli {
			for i := range digits[p] {
				m.Forward(&digits[p][i])
			}
			m.Dot(sum, &digits[p], w[p])
			for c := range acc {
				m.InverseAdd(&acc[c][p], &sum[c])
			}
		}
	}
	return acc
}

func BenchmarkForward(b *testing.B) {
	m := newRNS(b).Moduli[0]
	x := random(rand.New(rand.NewPCG(8, 8)), m.Q)
	for b.Loop() {
		m.Forward(x)
	}
}

func BenchmarkInverseAdd(b *testing.B) {
	m := newRNS(b).Moduli[0]
	x, y := random(rand.New(rand.NewPCG(8, 8)), m.Q), new(Poly)
	for b.Loop() {
		m.InverseAdd(y, x)
		*x = *y
	}
}

func BenchmarkDecompose(b *testing.B) {
	r, d := newRNS(b), new([2]Digits)
	x := [2]Poly{*random(rand.New(rand.NewPCG(8, 8)), q1), {}}
	for b.Loop() {
		r.Decompose(d, 0, &x)
	}
}

func BenchmarkDot(b *testing.B) {
	m, x, w, dst := newRNS(b).Moduli[0], new(Digits), make([]uint64, MatrixWords), new([Columns]Poly)
	for b.Loop() {
		m.Dot(dst, x, w)
	}
}
