package sdk

import (
	"fmt"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"

	"github.com/holiman/uint256"
)

// Value is a clear value with its encrypted type.
type Value struct {
	Type  fhe.Type
	Clear *uint256.Int
}

// Input is an encrypted input list, ready to be sent: one handle for each
// value, and the encoding that goes into the inputProof argument.
type Input struct {
	Handles []fhe.Handle
	Proof   []byte
}

// Encrypt encrypts values to the network key, bound to the contract that will
// call FHE.fromExternal and to the user whose account sends the transaction.
// It takes 1 to 255 values of together at most 2048 bits. Each call draws
// fresh randomness, so equal values give unrelated ciphertexts.
func Encrypt(pk *tfhe.PublicKey, b fhe.Binding, values ...Value) (*Input, error) {
	list := fhe.InputList{Binding: b}
	for _, v := range values {
		list.Types = append(list.Types, v.Type)
	}
	if _, err := fhe.CountSlots(list.Types); err != nil {
		return nil, err
	}
	var slots []uint8
	for i, v := range values {
		if v.Clear.BitLen() > v.Type.Bits() {
			return nil, fmt.Errorf("input value %d does not fit %s", i, v.Type)
		}
		slots = append(slots, slotsOf(v)...)
	}
	var err error
	if list.Mask, list.Bodies, err = pk.Encrypt(slots); err != nil {
		return nil, fmt.Errorf("encrypt input list: %w", err)
	}
	proof, err := list.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return &Input{Handles: list.Handles(proof), Proof: proof}, nil
}

// slotsOf cuts a value into 4-bit slots, least significant first.
func slotsOf(v Value) []uint8 {
	le := v.Clear.Bytes32()
	out := make([]uint8, v.Type.Slots())
	for i := range out {
		out[i] = le[31-i/2] >> (4 * (i % 2)) & 15
	}
	return out
}
