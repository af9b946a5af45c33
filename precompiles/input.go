package precompiles

import (
	"fmt"

	"fhevm/fhe"
)

// Input is precompile 0x5e: it checks that an input list is well formed and
// meant for the caller's contract and user, and names its values.
//
//	input:  Domain(61) | contract(20) | user(20) | fhe.InputList
//	output: digest of the list(32) | bootstraps(32) | handles(32 each)
//
// A list that is malformed or bound elsewhere reverts with Error(string).
type Input struct{}

// Name is shown by eth_config and tracers.
func (Input) Name() string { return "FHE_INPUT" }

// RequiredGas is the price of the stated list, or the price by size where its
// header makes no sense.
func (Input) RequiredGas(input []byte) uint64 {
	if len(input) < fhe.BindingSize {
		return InputGas(len(input), nil)
	}
	types, err := fhe.InputTypes(input[fhe.BindingSize:])
	if err != nil {
		return InputGas(len(input), nil)
	}
	return InputGas(len(input), types)
}

// Run implements vm.PrecompiledContract.
func (Input) Run(input []byte) ([]byte, error) {
	names, err := verify(input)
	if err != nil {
		return revert("FHE input", err)
	}
	return names, nil
}

func verify(input []byte) ([]byte, error) {
	binding, err := fhe.ParseBinding(input)
	if err != nil {
		return nil, err
	}
	if v := binding.Domain.Version; v != fhe.Version {
		return nil, fmt.Errorf("protocol version %d, want %d", v, fhe.Version)
	}
	var list fhe.InputList
	encoding := input[fhe.BindingSize:]
	if err := list.UnmarshalBinary(encoding); err != nil {
		return nil, fmt.Errorf("%w: pass the proof whole, as the wallet returned it", err)
	}
	if err := list.Binding.Check(binding); err != nil {
		return nil, err
	}
	return names(&list, encoding), nil
}

func names(list *fhe.InputList, encoding []byte) []byte {
	digest := fhe.Keccak(encoding)
	out := append(make([]byte, 0, 32*(2+len(list.Types))), digest[:]...)
	out = append(out, word(fhe.InputBootstraps(list.Types))...)
	for _, h := range list.Handles(encoding) {
		out = append(out, h[:]...)
	}
	return out
}
