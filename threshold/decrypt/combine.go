package decrypt

import (
	"errors"
	"math/big"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

const blockBits = 4

// ErrUndecodable is the only error about an opened phase, whatever is wrong
// with it: the difference would tell about the secret.
var ErrUndecodable = threshold.Faultf(threshold.Undecodable, "the decrypted ciphertext is not a value of its type")

// Combiner opens the values of some handles from parties' partials.
type Combiner struct {
	opening *shamir.Opening
	types   []fhe.Type
	bound   *big.Int
}

// Blocks is the number of squashed blocks of values of the given types.
func Blocks(types []fhe.Type) (n int) {
	for _, t := range types {
		n += t.Slots()
	}
	return n
}

// Types lists the types of handles.
func Types(handles []fhe.Handle) []fhe.Type {
	out := make([]fhe.Type, len(handles))
	for i, h := range handles {
		out[i] = h.Type()
	}
	return out
}

// NewCombiner begins the opening of values of the given types.
func NewCombiner(m prss.Margin, types []fhe.Type) *Combiner {
	return &Combiner{opening: shamir.NewOpening(m.Quorum, Blocks(types)), types: types, bound: m.MaxOpened()}
}

// Add takes in a party's shares of all blocks of all values, in order. What
// shamir.Opening.Add says applies.
func (c *Combiner) Add(id threshold.PartyID, shares []shamir.Element) error {
	return c.opening.Add(id, shares)
}

// Done reports whether enough shares agree.
func (c *Combiner) Done() bool { return c.opening.Secrets() != nil }

// Liars returns the parties known to have sent wrong shares.
func (c *Combiner) Liars() threshold.PartySet { return c.opening.Liars() }

// Heard returns the parties that were added.
func (c *Combiner) Heard() threshold.PartySet { return c.opening.Heard() }

// ErrNotDone says that too few shares agree as yet.
var ErrNotDone = errors.New("too few shares agree")

// Values decodes the opened blocks. It fails with ErrNotDone before Done, and
// with ErrUndecodable if any block is not a plaintext or any value not of its
// type.
func (c *Combiner) Values() ([]*uint256.Int, error) {
	phases := c.opening.Secrets()
	if phases == nil {
		return nil, ErrNotDone
	}
	out := make([]*uint256.Int, len(c.types))
	for i, t := range c.types {
		v, err := c.value(t, phases[:t.Slots()])
		if err != nil {
			return nil, err
		}
		out[i], phases = v, phases[t.Slots():]
	}
	return out, nil
}

func (c *Combiner) value(t fhe.Type, phases []shamir.Element) (*uint256.Int, error) {
	v := new(uint256.Int)
	for i := len(phases) - 1; i >= 0; i-- {
		m, err := squash.Decode(phases[i], c.bound)
		if err != nil {
			return nil, ErrUndecodable
		}
		v.Lsh(v, blockBits)
		v.AddUint64(v, uint64(m))
	}
	if v.BitLen() > t.Bits() {
		return nil, ErrUndecodable
	}
	return v, nil
}
