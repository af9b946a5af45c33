package main

// forwardRadix8 is three levels: a node, its children and theirs. At w are the
// twiddles of the node, of its first child, and of both children's first; a
// second child's is i times that of the first.
func forwardRadix8(x []points, w mem) {
	t := loadTwiddle(w)
	butterflies(pair{x[0], x[4], t, straight}, pair{x[1], x[5], t, straight},
		pair{x[2], x[6], t, straight}, pair{x[3], x[7], t, straight})
	t.release()
	t = loadTwiddle(w.plus(twiddleBytes))
	butterflies(pair{x[0], x[2], t, straight}, pair{x[1], x[3], t, straight},
		pair{x[4], x[6], t, left}, pair{x[5], x[7], t, left})
	t.release()
	for j := range 2 {
		t = loadTwiddle(w.plus((2 + j) * twiddleBytes))
		butterflies(pair{x[4*j], x[4*j+1], t, straight}, pair{x[4*j+2], x[4*j+3], t, left})
		t.release()
	}
}

// inverseRadix8 is three levels, the first of which joins neighbours. At w are
// the first two levels' twiddles, and those of the third's first two pairs;
// the next two have -i times those.
func inverseRadix8(x []points, w mem) {
	t := loadLanes(w)
	butterflies(pair{x[0], x[1], t, straight}, pair{x[2], x[3], t, straight},
		pair{x[4], x[5], t, straight}, pair{x[6], x[7], t, straight})
	t.release()
	t = loadLanes(w.plus(pointsBytes))
	butterflies(pair{x[0], x[2], t, straight}, pair{x[1], x[3], t, right},
		pair{x[4], x[6], t, straight}, pair{x[5], x[7], t, right})
	t.release()
	for j := range 2 {
		t = loadLanes(w.plus((2 + j) * pointsBytes))
		butterflies(pair{x[j], x[4+j], t, straight}, pair{x[2+j], x[6+j], t, right})
		t.release()
	}
}

// pass takes vectors a span apart eight at a time through butterflies, until
// the whole span is done. It counts in r7 and advances z by the span.
func pass(label string, z gpr, span int, radix8 func(x []points)) {
	repeat(label, span, 7, func() {
		x := loadAll(mem{z, 0}, span*pointsBytes)
		radix8(x)
		storeAll(x, mem{z, 0}, span*pointsBytes)
		z.advance(pointsBytes)
	})
}
