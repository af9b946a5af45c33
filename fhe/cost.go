package fhe

// cost is what a circuit of fhe/radix takes; costs lists them all.
type cost struct{ bootstraps, depth int }

type costKey struct {
	op    Op
	typ   Type
	clear bool
}

// Bootstraps is the number of programmable bootstraps of the operation on type
// t (the operands' for Compare, else the result's), with the right operand
// clear or encrypted: for the most expensive clear value, and for Convert the
// most expensive source type. It is 0 for a form that the table does not have.
//
// Operands that are public (trivially encrypted), or that repeat blocks of each
// other, as in a + a, may save some.
func (r Operator) Bootstraps(t Type, clear bool) int {
	return costs[costKey{r.Op, t, clear}].bootstraps
}

// Depth is the number of layers of bootstraps that follow each other, counted
// as Bootstraps for operands that share nothing; others may take a layer more.
func (r Operator) Depth(t Type, clear bool) int {
	return costs[costKey{r.Op, t, clear}].depth
}

// InputBootstraps is the number of programmable bootstraps that make clean
// ciphertexts of an input list's values: one for each block.
func InputBootstraps(types []Type) (n int) {
	for _, t := range types {
		n += t.Blocks()
	}
	return n
}
