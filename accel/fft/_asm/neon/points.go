package main

const (
	vectorBytes  = 16
	pointsBytes  = 2 * vectorBytes
	twiddleBytes = 16
	polyBytes    = 2048 * 8
)

// points is two complex numbers.
type points struct{ re, im vec }

func loadPoints(m mem) points { return points{load(m), load(m.plus(vectorBytes))} }

func (p points) store(m mem) {
	store(p.re, m)
	store(p.im, m.plus(vectorBytes))
}

func (p points) release() { release(p.re, p.im) }

func loadAll(m mem, stride int) []points {
	x := make([]points, 8)
	for i := range x {
		x[i] = loadPoints(m.plus(i * stride))
	}
	return x
}

// storeAll also releases the registers.
func storeAll(x []points, m mem, stride int) {
	for i, p := range x {
		p.store(m.plus(i * stride))
		p.release()
	}
}

// twiddle is one for each lane, or one number for both.
type twiddle struct{ re, im factor }

func lanes(w points) twiddle { return twiddle{factor{w.re, whole}, factor{w.im, whole}} }

func loadLanes(m mem) twiddle { return lanes(loadPoints(m)) }

// loadTwiddle loads one number into the two lanes of a register.
func loadTwiddle(m mem) twiddle {
	v := load(m)
	return twiddle{factor{v, 0}, factor{v, 1}}
}

func (w twiddle) release() {
	release(w.re.v)
	if w.im.v != w.re.v {
		release(w.im.v)
	}
}

// turn multiplies a butterfly's twiddle by a power of i.
type turn int

const (
	straight turn = 0
	left     turn = 1  // by i
	right    turn = -1 // by -i
)

// A pair is the operands of one butterfly.
type pair struct {
	u, v points
	w    twiddle
	t    turn
}

// butterflies replaces u and v of each pair by x = u + w*v and 2u - x, two
// pairs at a time, as each step of a pair waits for the last. Twice u is exact.
func butterflies(pairs ...pair) {
	if len(pairs) > 2 {
		butterflies(pairs[:2]...)
		pairs = pairs[2:]
	}
	doubles := make([]points, len(pairs))
	for i, p := range pairs {
		doubles[i] = p.u.double()
	}
	for _, p := range pairs {
		p.addRealTimes()
	}
	for _, p := range pairs {
		p.addImaginaryTimes()
	}
	for i, p := range pairs {
		p.reflect(doubles[i])
	}
}

func (p points) double() points {
	d := points{take(), take()}
	fadd.vec(d.re, p.re, p.re)
	fadd.vec(d.im, p.im, p.im)
	return d
}

// addRealTimes adds the real part of the turned twiddle times v to u:
// w = re + i*im, i*w = -im + i*re, -i*w = im - i*re.
func (p pair) addRealTimes() {
	switch p.t {
	case straight:
		fmla.do(p.u.re, p.v.re, p.w.re)
		fmla.do(p.u.im, p.v.im, p.w.re)
	case left:
		fmls.do(p.u.re, p.v.re, p.w.im)
		fmls.do(p.u.im, p.v.im, p.w.im)
	case right:
		fmla.do(p.u.re, p.v.re, p.w.im)
		fmla.do(p.u.im, p.v.im, p.w.im)
	}
}

// addImaginaryTimes adds its imaginary part times i*v.
func (p pair) addImaginaryTimes() {
	switch p.t {
	case straight:
		fmls.do(p.u.re, p.v.im, p.w.im)
		fmla.do(p.u.im, p.v.re, p.w.im)
	case left:
		fmls.do(p.u.re, p.v.im, p.w.re)
		fmla.do(p.u.im, p.v.re, p.w.re)
	case right:
		fmla.do(p.u.re, p.v.im, p.w.re)
		fmls.do(p.u.im, p.v.re, p.w.re)
	}
}

// reflect sets v to twice the old u less the new one.
func (p pair) reflect(double points) {
	fsub.vec(p.v.re, double.re, p.u.re)
	fsub.vec(p.v.im, double.im, p.u.im)
	double.release()
}

// trivialButterfly is a butterfly with twiddle 1, or -i if t is right; what it
// leaves out are products with zero.
func trivialButterfly(u, v points, t turn) {
	double := u.double()
	if t == right {
		fadd.vec(u.re, u.re, v.im)
		fsub.vec(u.im, u.im, v.re)
	} else {
		fadd.vec(u.re, u.re, v.re)
		fadd.vec(u.im, u.im, v.im)
	}
	pair{u: u, v: v}.reflect(double)
}

// exchange swaps the bit of the index that tells x from y with the lane.
func exchange(x, y *points) {
	x.re, y.re = zip(x.re, y.re)
	x.im, y.im = zip(x.im, y.im)
}

// zip returns the lower lanes of x and y, in place of x, and the upper ones.
func zip(x, y vec) (lower, upper vec) {
	upper = take()
	integer("VZIP2", upper, x, y)
	integer("VZIP1", x, x, y)
	release(y)
	return x, upper
}
