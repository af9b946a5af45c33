package dkg

import (
	"fhevm/threshold"
)

// replay computes what every party of a run that was given up should have sent.
type replay struct {
	run     *Run
	parties []*randomness
	secrets []*secret
	squares [][]wide
	masked  [][]wide
	bodies  *assembly
}

func newReplay(r *Run, of seeds) *replay {
	p := &replay{run: r, bodies: newAssembly(r.Params, of(r.quorum.All()))}
	z := sizesOf(r.Params)
	var roots [][]wide
	for id := range r.quorum.All().All() {
		party := newRandomness(r.quorum, id, of)
		root, square := party.squares(z.bits())
		p.parties, roots, p.squares = append(p.parties, party), append(roots, root), append(p.squares, square)
	}
	o := newWideOpener(r.quorum)
	opened, err := o.open(p.squares)
	if err != nil {
		return p
	}
	var moved [][narrows][]uint64
	for i, party := range p.parties {
		if toBits(roots[i], opened) != nil {
			return p
		}
		masked, masks := party.mask(z.elements(roots[i]))
		p.masked, moved = append(p.masked, masked), append(moved, masks)
	}
	if opened, err = o.open(p.masked); err != nil {
		return p
	}
	for i := range moved {
		unmask(&moved[i], opened)
		p.secrets = append(p.secrets, newSecret(r.Params, &moved[i]))
	}
	return p
}

// body is what a party should have sent, nil if the run could not have come so far.
func (p *replay) body(id threshold.PartyID, kind Kind, index int) []byte {
	i := int(id) - 1
	switch {
	case kind == Squares:
		return appendWide(nil, p.squares[i])
	case kind == Masked && i < len(p.masked):
		return appendWide(nil, p.masked[i])
	case kind == Bodies && i < len(p.secrets):
		return p.secrets[i].chunk(p.parties[i], p.bodies, index).append(nil)
	}
	return nil
}
