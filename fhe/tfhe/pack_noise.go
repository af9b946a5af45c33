package tfhe

// packKeyVariance is the variance of the error that a packing key adds to each
// of some slots: the sum of those of their key switches.
func (p *Params) packKeyVariance(slots int) float64 {
	return p.packRowsVariance(slots, float64(p.LWEDim)/2)
}

// packRowsVariance is packKeyVariance for a small key of the given weight.
func (p *Params) packRowsVariance(slots int, small float64) float64 {
	return float64(slots*p.packDigits()) * p.packRowVariance(small) * digitVariance(p.PackBaseLog)
}

// packDigitVariance is the variance of the error of cutting a mask into digits.
// It is centred: a word's error counts with weight z - 1/2, whose square is 1/4.
func (p *Params) packDigitVariance() float64 {
	return float64(p.LWEDim) / 4 * roundingVariance(p.PackBaseLog*p.PackLevel)
}

// packRoundingVariance is the variance of the error of rounding a slot's mask to
// PackBits, centred too. The body's rounding decides between neighbouring boxes
// of a table and adds nothing.
func (p *Params) packRoundingVariance() float64 {
	return float64(p.LWEDim) / 4 * roundingVariance(p.PackBits)
}

// UnpackFailureLog2 is log2 of the probability that a block, packed with others
// into a ciphertext of some slots when it had the noise of one bootstrap, is
// unpacked wrong.
func (p *Params) UnpackFailureLog2(slots int) float64 {
	packing := p.KeySwitchVariance() + p.packKeyVariance(slots) + p.packDigitVariance() + p.packRoundingVariance()
	return p.unpackFailureLog2(p.BootstrapVariance(), packing)
}

// unpackFailureLog2 is UnpackFailureLog2 for a block of variance block and a
// packing that adds the variance packing, to plaintexts 2^packScaleLog times as
// far apart.
func (p *Params) unpackFailureLog2(block, packing float64) float64 {
	return failureLog2(block + packing/(1<<(2*packScaleLog)))
}
