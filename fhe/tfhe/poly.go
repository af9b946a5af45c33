package tfhe

// karatsubaBase is the length at which schoolbook multiplication wins.
const karatsubaBase = 32

// mulNegacyclic sets dst = a*b modulo X^n+1 and 2^64, n = len(dst) a power of
// two. The arithmetic is exact and its time depends on n alone, so an operand
// may be secret. dst may alias an operand.
func mulNegacyclic(dst, a, b []uint64) {
	n := len(dst)
	buf := make([]uint64, 6*n)
	product, scratch := buf[:2*n], buf[2*n:]
	karatsuba(product, a, b, scratch)
	for i := range dst {
		dst[i] = product[i] - product[n+i]
	}
	clear(buf)
}

// karatsuba sets out, of length 2n, to the product of two polynomials of n
// coefficients. scratch has room for 4n words.
func karatsuba(out, a, b, scratch []uint64) {
	n := len(a)
	if n <= karatsubaBase {
		schoolbook(out, a, b)
		return
	}
	h := n / 2
	mid, sa, sb, rest := scratch[:n], scratch[n:n+h], scratch[n+h:2*n], scratch[2*n:]
	for i := range h {
		sa[i] = a[i] + a[h+i]
		sb[i] = b[i] + b[h+i]
	}
	karatsuba(mid, sa, sb, rest)
	karatsuba(out[:n], a[:h], b[:h], rest)
	karatsuba(out[n:], a[h:], b[h:], rest)
	for i := range mid {
		mid[i] -= out[i] + out[n+i]
	}
	addTo(out[h:h+n], mid)
}

func schoolbook(out, a, b []uint64) {
	clear(out)
	for i, x := range a {
		row := out[i : i+len(b)]
		for j, y := range b {
			row[j] += x * y
		}
	}
}

func addTo(dst, src []uint64) {
	for i, x := range src {
		dst[i] += x
	}
}
