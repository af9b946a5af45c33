package tfhe

// LUT is a look-up table prepared for blind rotation: the body of a trivial
// GLWE ciphertext, PolySize coefficients.
type LUT struct {
	Poly    []uint64
	Outputs int // functions evaluated by one rotation, a power of two
}

// NewLUT prepares f, given in torus units: f(m) is Delta times the plaintext
// wanted for plaintext m in [0, PlaintextModulus). The table extends
// negacyclically: plaintext m + PlaintextModulus (padding bit set) gives -f(m).
func (p *Params) NewLUT(f func(m int) uint64) *LUT { return p.NewManyLUT(f) }

// NewManyLUT prepares several functions, a power of two in number, for one
// rotation (PBSmanyLUT, eprint 2021/729). The plaintext must stay below
// PlaintextModulus/len(fs); the negacyclic extension of NewLUT applies at
// PlaintextModulus as before.
//
// Function i is read by SampleExtract at coefficient i*PolySize/len(fs).
func (p *Params) NewManyLUT(fs ...func(m int) uint64) *LUT {
	box := p.PolySize / PlaintextModulus
	perFunc := PlaintextModulus / len(fs)
	poly := make([]uint64, p.PolySize)
	for i, f := range fs {
		for m := range perFunc {
			v := f(m)
			for j := range box {
				// Centre each box on its plaintext: half a box of the first
				// value wraps to the top with its sign turned.
				at := (i*perFunc+m)*box + j - box/2
				if at < 0 {
					poly[at+p.PolySize] = -v
				} else {
					poly[at] = v
				}
			}
		}
	}
	return &LUT{Poly: poly, Outputs: len(fs)}
}
