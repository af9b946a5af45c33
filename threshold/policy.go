package threshold

import (
	"errors"
	"fmt"
	"slices"

	"fhevm/fhe"
)

// Policy says whose word about squashed bytes the parties of an epoch take. A
// false digest that a party accepts discloses the secret: outside development
// at least two of three independent coprocessors must agree.
type Policy struct {
	Coprocessors []fhe.Address `json:"coprocessors"`
	Need         int           `json:"need"` // signatures of different coprocessors
}

// MaxCoprocessors is the number of coprocessors that a policy can name.
const MaxCoprocessors = 16

// Check reports a policy that accepts everything or nothing, or counts one
// coprocessor twice.
func (p *Policy) Check() error {
	switch n := len(p.Coprocessors); {
	case n > MaxCoprocessors:
		return fmt.Errorf("digest policy names %d coprocessors, want at most %d", n, MaxCoprocessors)
	case p.Need < 1 || p.Need > n:
		return fmt.Errorf("digest policy needs %d of %d coprocessors", p.Need, n)
	}
	for i, c := range p.Coprocessors {
		if slices.Contains(p.Coprocessors[:i], c) {
			return fmt.Errorf("digest policy names coprocessor %s twice", c)
		}
		if c == (fhe.Address{}) {
			return errors.New("digest policy names the zero address")
		}
	}
	return nil
}
