package precompiles

import (
	"encoding/binary"

	"fhevm/fhe"
)

// Operation is precompile 0x5d: it checks an operation against the type rules
// and names its results.
//
//	input:  fhe.Derivation
//	output: bootstraps(32) | depth(32) | handle(32) | digest(32) of each result
//
// bootstraps and depth are fhe.Derivation.Cost.
//
// A derivation that breaks a rule reverts with Error(string). That operands
// exist and that the caller may use them is for the executor to check.
type Operation struct{}

// Name is shown by eth_config and tracers.
func (Operation) Name() string { return "FHE_OPERATION" }

// RequiredGas is the price of the stated operation, also where Run refuses it, or the
// base price of an input that states none. A caller may make it run without being able
// to pay: it reads the header, and kinds and types of at most 101 operands.
func (Operation) RequiredGas(input []byte) uint64 {
	s, ok := fhe.ReadStated(input)
	if !ok {
		return operationBase
	}
	return operationGas(s.Op, s.Type, s.Cost)
}

// Run implements vm.PrecompiledContract.
func (Operation) Run(input []byte) ([]byte, error) {
	var d fhe.Derivation
	if err := d.UnmarshalBinary(input); err != nil {
		return revert("FHE operation", err)
	}
	cost := d.Cost()
	out := append(word(cost.Bootstraps), word(cost.Depth)...)
	for _, r := range d.Results() {
		out = append(append(out, r.Handle[:]...), r.Digest[:]...)
	}
	return out, nil
}

func word(n int) []byte { return binary.BigEndian.AppendUint64(make([]byte, 24), uint64(n)) }
