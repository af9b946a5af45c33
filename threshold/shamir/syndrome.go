package shamir

import "fhevm/threshold"

// Syndrome tells what is wrong with shares that nobody may see. The shares of
// degree+1 parties fix those of all others, and the syndrome is by how much
// each of the others exceeds what they fix. It is linear in the shares, zero
// for right ones and a function of their errors alone: parties who hold each
// share only as shares of its own can open its syndrome without harm.
type Syndrome struct {
	codes [2]*code
	fixed [2][][]uint64 // for each party beyond the first degree+1, what the first ones' shares fix its to be
}

// NewSyndrome is of sharings of the given degree among the given parties, more
// than degree of them.
func NewSyndrome(parties threshold.PartySet, degree int) *Syndrome {
	s := new(Syndrome)
	for k, f := range Fields {
		c := newCode(f, parties, degree)
		for _, x := range c.points[degree+1:] {
			s.fixed[k] = append(s.fixed[k], f.lagrange(c.points[:degree+1], x))
		}
		s.codes[k] = c
	}
	return s
}

// Len is the number of elements of a syndrome.
func (s *Syndrome) Len() int { return len(s.fixed[0]) }

// Of returns the syndrome of shares, one for each party in ascending order.
func (s *Syndrome) Of(shares []Element) []Element {
	out := make([]Element, s.Len())
	for k, c := range s.codes {
		first := words(shares[:c.degree+1], k)
		for i, row := range s.fixed[k] {
			out[i][k] = c.field.Sub(shares[c.degree+1+i][k], c.field.Dot(row, first))
		}
	}
	return out
}

// Errors returns what to subtract from the shares that have this syndrome, one
// element for each party, and whose shares are wrong. ok is false if there are
// more wrong ones in a field than can be located.
func (s *Syndrome) Errors(syndrome []Element) (errors []Element, liars threshold.PartySet, ok bool) {
	// Shares that are zero but for the syndrome itself have this syndrome too, so
	// they differ from the errors by a codeword.
	errors = make([]Element, len(s.codes[0].points))
	for k, c := range s.codes {
		word := append(make([]uint64, c.degree+1), words(syndrome, k)...)
		if c.contains(word) {
			continue
		}
		_, wrong, ok := c.correct(word)
		if !ok {
			return nil, 0, false
		}
		for i, e := range wrong {
			if errors[i][k] = e; e != 0 {
				liars = liars.With(threshold.PartyID(c.points[i]))
			}
		}
	}
	return errors, liars, true
}

// Secret returns the secret that shares without errors have. Like Of it is
// linear: of shares of shares it gives a share of the secret.
func (s *Syndrome) Secret(shares []Element) (secret Element) {
	for k, c := range s.codes {
		secret[k] = c.field.Dot(c.atZero, words(shares[:c.degree+1], k))
	}
	return secret
}

func words(elements []Element, k int) []uint64 {
	out := make([]uint64, len(elements))
	for i, e := range elements {
		out[i] = e[k]
	}
	return out
}
