package radix

import "fhevm/fhe"

// program is a finished circuit.
type program struct {
	layers  [][]step // those of one layer do not depend on each other
	sources int
	outs    []wire     // the blocks of all results
	types   []fhe.Type // of the results
}

func (p *program) add(s step) {
	i := s.layer() - 1
	for len(p.layers) <= i {
		p.layers = append(p.layers, nil)
	}
	p.layers[i] = append(p.layers[i], s)
}

// lastUses lists, for each layer, the sources that nothing after its inputs needs: a
// wide product has more blocks on the way than memory should hold.
func (p *program) lastUses() [][]int {
	lists, seen := make([][]int, len(p.layers)), make([]bool, p.sources)
	use := func(s *source, layer int) {
		if !seen[s.index] && layer < len(lists) {
			lists[layer] = append(lists[layer], s.index)
		}
		seen[s.index] = true
	}
	for _, w := range p.outs {
		w.visit(use, len(lists))
	}
	for i := len(p.layers) - 1; i >= 0; i-- {
		for _, s := range p.layers[i] {
			for _, out := range s.outs {
				use(out, i+1) // one that nothing needs goes with the next layer's
			}
			s.input.visit(use, i)
		}
	}
	return lists
}

// visit calls use with each source of a.
func (a wire) visit(use func(s *source, layer int), layer int) {
	for _, t := range a.terms {
		use(t.source, layer)
	}
}
