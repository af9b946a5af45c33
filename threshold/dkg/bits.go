package dkg

import (
	"errors"

	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
)

// sizes are the numbers of secrets of a parameter set.
type sizes struct {
	big, small, rows int // bits of the big and small keys, key-switching rows
	bitsPerError     int // random bits that make TUniform(LWENoise)
	errorOffset      int64
}

func sizesOf(p *tfhe.Params) sizes {
	return sizes{p.BigDim(), p.LWEDim, p.KeySwitchDigits(), p.LWENoise + 2, 1 << p.LWENoise}
}

// secrets is the number of secret bits: of the big and the small key, of the random
// key and of the squash key.
func (z sizes) secrets() int { return z.big + 2*z.small + squash.Dim }

// bits is the number of random bits in all.
func (z sizes) bits() int { return z.secrets() + z.rows*z.bitsPerError }

// moved is the number of elements that go to the narrow fields: the secret bits,
// and the errors of key-switching rows.
func (z sizes) moved() int { return z.secrets() + z.rows }

var (
	useBits  = use{"bits", 0}
	useRoots = use{"bits zero", 0}
	useMasks = use{"masks", 0}
	useMoved = use{"masks zero", 0}
)

// squares returns shares of uniform elements, of degree t, and of their squares, of
// degree 2t, which are to be opened.
func (r *randomness) squares(count int) (roots, squares []wide) {
	roots = r.wideUniform(count, useBits)
	squares = make([]wide, count)
	for x, s := range roots {
		squares[x] = s.mul(s)
	}
	r.addWideZeros(squares, useRoots)
	return roots, squares
}

// errSquare says that an opened square is 0 or none: chance does that once in 2^109
// runs.
var errSquare = errors.New("an opened square has no root")

// toBits turns shares of elements into shares of bits: an element is one of the two
// roots of its square, and the bit says which (Damgård, Fitzi, Kiltz, Nielsen, Toft,
// TCC 2006, section 4).
func toBits(roots, opened []wide) error {
	half := wideInt(2).inv()
	for x := range roots {
		inverse, ok := opened[x].inverseRoot()
		if !ok {
			return errSquare
		}
		roots[x] = roots[x].mul(inverse).add(wideInt(1)).mul(half)
	}
	return nil
}

// elements turns shares of random bits into those of the elements that are moved:
// the first are secret bits, the others make errors of the TUniform distribution,
// plus errorOffset.
func (z sizes) elements(b []wide) []wide {
	out := append([]wide(nil), b[:z.secrets()]...)
	for b = b[z.secrets():]; len(b) > 0; b = b[z.bitsPerError:] {
		e := b[z.bitsPerError-1]
		for i := range z.bitsPerError - 1 {
			e = e.add(b[i].mul(wide{0, 1 << i}))
		}
		out = append(out, e)
	}
	return out
}

// mask returns shares, of degree 2t, of the elements plus their masks, to be
// opened, and shares of the masks in the narrow fields.
func (r *randomness) mask(elements []wide) (masked []wide, masks [narrows][]uint64) {
	masked, masks = r.masks(len(elements), useMasks)
	for x := range masked {
		masked[x] = masked[x].add(elements[x])
	}
	r.addWideZeros(masked, useMoved)
	return masked, masks
}

// unmask turns masks into shares, of degree t, of the elements: opened less mask,
// as integers.
func unmask(masks *[narrows][]uint64, opened []wide) {
	for k, f := range fields {
		for x, c := range opened {
			masks[k][x] = f.Sub(reduce128(c.hi, c.lo, k), masks[k][x])
		}
	}
}
