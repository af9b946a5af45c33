package main

// digits is a run of a polynomial's digits.
func digits() {
	function("digitsNEON", "z", "rotated", "own", "flip", "add", "vectors")
	const z, rotated, own, vectors, scratch gpr = 0, 1, 2, 5, 6
	flip, add := fill(3), fill(4)
	emit("MOVD $0xfffffe0000000000, %v", scratch)
	cut := fill(scratch)
	loop("vector", vectors, func() {
		x, y := load(mem{rotated, 0}), load(mem{own, 0})
		bitwise("VEOR", x, x, flip)
		integer("VADD", x, x, add)
		integer("VSUB", x, x, y)
		bitwise("VAND", x, x, cut)
		scvtf.convert(x, x)
		store(x, mem{z, 0})
		release(x, y)
		rotated.advance(vectorBytes)
		own.advance(vectorBytes)
		z.advance(pointsBytes)
	})
	release(flip, add, cut)
	end()
}

// forward is levels 0 to 5.
func forward() {
	function("forwardNEON", "z", "twiddles")
	const z, w, next gpr = 0, 1, 2
	next.copyOf(z)
	pass("first", next, 64, func(x []points) { forwardRadix8(x, mem{w, 0}) })
	repeat("node", 8, 3, func() {
		w.advance(4 * twiddleBytes)
		pass("second", z, 8, func(x []points) { forwardRadix8(x, mem{w, 0}) })
		z.advance(7 * 8 * pointsBytes)
	})
	end()
}

// Registers of multiply.
const (
	mask, body, key, units, inverse gpr = 0, 1, 2, 3, 4
)

// Bytes of the key: a block of eight points, and what a unit advances.
const (
	blockBytes = 128
	groupBytes = 8 * blockBytes
)

// multiply is levels 6 to 9 of mask and body, their product with the key, and
// the inverse's levels 1 to 8: all that joins points of a unit, the sixteen
// points of one node of level 6. Four units share a group of the key's blocks.
func multiply() {
	function("multiplyNEON", "mask", "body", "key", "units", "inverse")
	repeat("group", 16, 5, func() {
		repeat("unit", 4, 6, func() {
			unit()
			mask.advance(8 * pointsBytes)
			body.advance(8 * pointsBytes)
			key.advance(vectorBytes)
			units.advance(4*twiddleBytes + 2*pointsBytes)
		})
		key.advance(groupBytes - 4*vectorBytes)
	})
	end()
}

// unit holds one polynomial in registers at a time: the mask's spectrum, then
// its product, waits in memory.
func unit() {
	storeAll(forwardUnit(mask), mem{mask, 0}, pointsBytes)
	x := forwardUnit(body)
	for b := range x {
		x[b] = externalProduct(mem{mask, b * pointsBytes}, x[b], mem{key, b * blockBytes})
	}
	storeAll(inverseUnit(x), mem{body, 0}, pointsBytes)
	x = inverseUnit(loadAll(mem{mask, 0}, pointsBytes))
	storeAll(x, mem{mask, 0}, pointsBytes)
}

// forwardUnit is levels 6 to 9. Before, vector e and lane l stand for point
// 2e+l of the unit; afterwards vector b and lane a for 8a+b.
func forwardUnit(z gpr) []points {
	x := loadAll(mem{z, 0}, pointsBytes)
	forwardRadix8(x, mem{units, 0})
	for i := range 2 {
		t := loadLanes(mem{units, 4*twiddleBytes + i*pointsBytes})
		u, v := 2*i, 2*i+1
		for j := u; j <= v; j++ {
			exchange(&x[j], &x[j+4])
		}
		butterflies(pair{x[u], x[u+4], t, straight}, pair{x[v], x[v+4], t, left})
		t.release()
	}
	return []points{x[0], x[4], x[1], x[5], x[2], x[6], x[3], x[7]}
}

// inverseUnit is the inverse's levels 1 to 8. Before, vector b and lane a
// stand for point 8a+b of the unit; afterwards vector e and lane l for 2e+l.
func inverseUnit(x []points) []points {
	for j := 0; j < 8; j += 2 {
		trivialButterfly(x[j], x[j+1], straight)
	}
	for j := 0; j < 8; j += 4 {
		trivialButterfly(x[j], x[j+2], straight)
		trivialButterfly(x[j+1], x[j+3], right)
	}
	diagonal := loadTwiddle(mem{inverse, 0})
	trivialButterfly(x[0], x[4], straight)
	trivialButterfly(x[2], x[6], right)
	butterflies(pair{x[1], x[5], diagonal, straight}, pair{x[3], x[7], diagonal, right})
	diagonal.release()
	for i := range 2 {
		t := loadLanes(mem{inverse, twiddleBytes + i*pointsBytes})
		for j := 2 * i; j < 8; j += 4 {
			exchange(&x[j], &x[j+1])
		}
		butterflies(pair{x[2*i], x[2*i+1], t, straight}, pair{x[2*i+4], x[2*i+5], t, right})
		t.release()
	}
	return []points{x[0], x[2], x[4], x[6], x[1], x[3], x[5], x[7]}
}

// externalProduct returns a vector of the body's products and replaces the
// mask's, at m, by its products.
func externalProduct(m mem, body points, k mem) points {
	row := func(i int) points {
		return points{load(k.plus(i * polyBytes)), load(k.plus(i*polyBytes + blockBytes/2))}
	}
	mask := loadPoints(m)
	x, y := times(mask, row(0)), times(body, row(3))
	addTimes(x, body, row(2))
	addTimes(y, mask, row(1))
	x.store(m)
	x.release()
	mask.release()
	body.release()
	return y
}

// times returns d*k.
func times(d, k points) points {
	x := points{take(), take()}
	fmul.vec(x.re, d.re, k.re)
	fmul.vec(x.im, d.im, k.re)
	fmls.vec(x.re, d.im, k.im)
	fmla.vec(x.im, d.re, k.im)
	k.release()
	return x
}

// addTimes adds d*k to x.
func addTimes(x, d, k points) {
	fmla.vec(x.re, d.re, k.re)
	fmla.vec(x.im, d.im, k.re)
	fmls.vec(x.re, d.im, k.im)
	fmla.vec(x.im, d.re, k.im)
	k.release()
}

// accumulate is the inverse's levels 16 to 512 and what follows.
func accumulate() {
	function("accumulateNEON", "p", "z", "first", "last")
	const p, z, first, last, block, w, left gpr = 0, 1, 2, 3, 4, 5, 6
	block.copyOf(z)
	repeat("block", 8, left, func() {
		w.copyOf(first)
		pass("first", block, 8, func(x []points) {
			inverseRadix8(x, mem{w, 0})
			w.advance(4 * pointsBytes)
		})
		block.advance(7 * 8 * pointsBytes)
	})
	repeat("last", 64, left, func() {
		x := loadAll(mem{z, 0}, 64*pointsBytes)
		inverseRadix8(x, mem{last, 0})
		for i, v := range x {
			w := loadPoints(mem{last, (4 + i) * pointsBytes})
			v = untwist(v, w)
			addRounded(mem{p, i * polyBytes / 16}, v.re)
			addRounded(mem{p, i*polyBytes/16 + polyBytes/2}, v.im)
		}
		p.advance(vectorBytes)
		z.advance(pointsBytes)
		last.advance(12 * pointsBytes)
	})
	end()
}

// untwist returns the conjugate of w times x.
func untwist(x, w points) points {
	y := points{take(), take()}
	fmul.vec(y.re, x.im, w.im)
	fmul.vec(y.im, x.im, w.re)
	fmla.vec(y.re, x.re, w.re)
	fmls.vec(y.im, x.re, w.im)
	x.release()
	w.release()
	return y
}

// addRounded adds to the words at m the integers nearest to x, in units of
// 2^35.
func addRounded(m mem, x vec) {
	y := load(m)
	fcvtns.convert(x, x)
	emit("VSHL $35, %v.D2, %v.D2", x, x)
	integer("VADD", y, y, x)
	store(y, m)
	release(x, y)
}
