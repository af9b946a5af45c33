package main

import (
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// worstDraw is the largest cost of a random value over bounds.
func worstDraw(f fhe.Form) (most fhe.Cost, err error) {
	for _, bound := range drawBounds(f) {
		cost, err := radix.RandomCost(f.Type, bound)
		if err != nil {
			return most, err
		}
		most.Bootstraps = max(most.Bootstraps, cost.Bootstraps)
		most.Depth = max(most.Depth, cost.Depth)
	}
	return most, nil
}

// drawBounds are the factors of clearValues but 0, or no bound for rand.
func drawBounds(f fhe.Form) (bounds []*uint256.Int) {
	if f.Op == fhe.Rand {
		return []*uint256.Int{nil}
	}
	f.Clear = 2
	for _, v := range clearValues(f) {
		if v = masked(v, f.Type); !v.IsZero() {
			bounds = append(bounds, v)
		}
	}
	return bounds
}
