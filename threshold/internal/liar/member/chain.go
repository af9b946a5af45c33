package main

import (
	"context"
	"math"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
)

// anything is the chain of a party that asks nobody: everything is allowed.
type anything struct{ id threshold.PartyID }

func (a anything) Finalized(context.Context) (*committee.Block, error) {
	return &committee.Block{Number: 1, Rights: a}, nil
}

func (anything) PersistAllowed(context.Context, fhe.Handle, fhe.Address) (bool, error) {
	return true, nil
}

func (anything) PubliclyDecryptable(context.Context, fhe.Handle) (bool, error) { return true, nil }

func (anything) Final(context.Context) (bool, error) { return true, nil }

func (anything) AcceptsSignature(context.Context, fhe.Address, fhe.Digest, []byte) (bool, error) {
	return true, nil
}

func (a anything) Position(context.Context, uint64, fhe.Address) (uint64, error) {
	return uint64(a.id), nil
}

func (anything) Paused(context.Context) (bool, error) { return false, nil }

func (anything) Denied(context.Context, fhe.Address) (bool, error) { return false, nil }

func (anything) InvalidatedBefore(context.Context, fhe.Address) (uint64, error) { return 0, nil }

func (anything) DelegatedUntil(_ context.Context, _, _, _ fhe.Address) (uint64, error) {
	return math.MaxInt64, nil
}
