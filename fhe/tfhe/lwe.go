package tfhe

// LWE is a ciphertext modulo 2^64: the mask, then the body. Its phase, body
// minus the inner product of mask and secret, is Delta times the plaintext
// plus noise. Arithmetic wraps. Destinations may alias operands.
type LWE []uint64

// NewLWE allocates a ciphertext of zero between bootstraps.
func (p *Params) NewLWE() LWE { return make(LWE, p.BigDim()+1) }

// Trivial sets dst to the noiseless ciphertext, without secrecy, of the torus
// element v (Delta times the plaintext).
func (dst LWE) Trivial(v uint64) {
	clear(dst)
	dst[len(dst)-1] = v
}

// Add sets dst = a + b.
func (dst LWE) Add(a, b LWE) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// Sub sets dst = a - b.
func (dst LWE) Sub(a, b LWE) {
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

// AddClear adds the torus element v to the plaintext.
func (dst LWE) AddClear(v uint64) { dst[len(dst)-1] += v }

// MulClear sets dst = c*a. It multiplies the noise's deviation by |c|.
func (dst LWE) MulClear(a LWE, c int64) {
	for i := range dst {
		dst[i] = a[i] * uint64(c)
	}
}

// MulAddClear sets dst += c*a.
func (dst LWE) MulAddClear(a LWE, c int64) {
	for i := range dst {
		dst[i] += a[i] * uint64(c)
	}
}
