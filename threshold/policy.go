package threshold

import (
	"errors"
	"fmt"
	"slices"

	"fhevm/fhe"
)

// Policy says whose word about squashed bytes the parties of an epoch take. A
// false digest that a party accepts discloses the secret: outside development the
// policy is Independent, or the party recomputes by itself.
type Policy struct {
	Coprocessors []fhe.Address `json:"coprocessors"`
	Need         int           `json:"need"` // signatures of different coprocessors
}

// MaxCoprocessors is the number of coprocessors that a policy can name.
const MaxCoprocessors = 16

// Outside development so many coprocessors are named, and so many must agree.
const (
	leastNamed = 3
	leastNeed  = 2
)

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

// Independent reports a policy that rests on fewer than two of three coprocessors, so
// that one alone could have a false digest accepted.
func (p *Policy) Independent() error {
	if err := p.Check(); err != nil {
		return err
	}
	if n := len(p.Coprocessors); n < leastNamed || p.Need < leastNeed {
		return fmt.Errorf("the digest policy takes the word of %d of %d coprocessors, and a false digest discloses: outside of development it takes %d or more of %d or more",
			p.Need, n, leastNeed, leastNamed)
	}
	return nil
}
