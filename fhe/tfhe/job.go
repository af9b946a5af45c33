package tfhe

import (
	"context"
	"fmt"
)

// Job is one programmable bootstrap: BlindRotate of LUT by exponents, then a
// SampleExtract for each destination, of the first LUT.Outputs or fewer. The
// exponents, modulo 2*PolySize, come from Src by KeySwitch and ModSwitch if Kind
// is Compute, else they are given: one for each bit of the kind's key, then the
// body's. Dst may alias Src.
type Job struct {
	Kind      Kind
	Src       LWE
	Exponents []uint32
	LUT       *LUT
	Dst       []LWE
}

// Kind is the kind of a Job: which key rotates, and what the exponents are.
type Kind uint8

const (
	Compute Kind = iota // a ciphertext's, under the evaluation key
	Unpack              // a packed slot's, under the evaluation key
	Random              // those of RandomExponents, under the random key

	kinds // the number of kinds
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case Compute:
		return "computing"
	case Unpack:
		return "unpacking"
	case Random:
		return "drawing random values"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Bootstrapper runs bootstraps. Jobs of one call are independent of each
// other; the results do not depend on how calls are batched. It is safe for
// concurrent use.
type Bootstrapper interface {
	Bootstrap(ctx context.Context, jobs []Job) error
}
