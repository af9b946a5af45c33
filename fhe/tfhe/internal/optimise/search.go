package main

import (
	"math"
	"sort"

	"fhevm/accel/vec"
	"fhevm/fhe/tfhe"
)

// A set is a parameter set and what it costs.
type set struct {
	tfhe.Params
	cost float64 // of a bootstrap in a batch of 16, in CMux of one level
}

// target is log2 of the failure probability that a bootstrap may have.
const target = -128

// Costs relative to a CMux of one level, measured with AVX-512 and batches of 16.
const (
	levelCost   = 0.48         // of each further level of a CMux
	productCost = 38 / 15.06e6 // of a product of a key switch: all of Default's take as long as 38 CMux
)

// noiseCurve is the smallest b for which LWE of dimension n, binary secrets and
// errors TUniform(b) modulo 2^64 lies on the published curve.
func noiseCurve(n int) int {
	return int(math.Ceil(-0.025167785*float64(n) + 68.100671))
}

// security is log2 of the published estimate of an attack's cost, for this
// dimension if there is one, else that of the curve.
func (s set) security() float64 {
	if s.LWEDim == 879 {
		return 134.8
	}
	return 132
}

// dimensions are the smallest n on the curve for each noise.
func dimensions() (all []int) {
	for n := 750; n <= 1100; n++ {
		if noiseCurve(n) < noiseCurve(n-1) {
			all = append(all, n)
		}
	}
	return all
}

// candidates are all sets for blocks of 2 message and 2 carry bits on the curve.
func candidates() (all []set) {
	for _, n := range dimensions() {
		for _, bootstrap := range decompositions(2, 8, 25) {
			for _, keySwitch := range decompositions(16, 1, 8) {
				p := tfhe.Default
				p.LWEDim, p.LWENoise, p.GLWENoise = n, noiseCurve(n)-32, noiseCurve(p.BigDim())
				p.BootstrapBaseLog, p.BootstrapLevel = bootstrap.base, bootstrap.levels
				p.KeySwitchBaseLog, p.KeySwitchLevel = keySwitch.base, keySwitch.levels
				for _, packing := range packings {
					p.PackBaseLog, p.PackLevel = packing.base, packing.levels
					all = append(all, newSet(p))
				}
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].cost < all[j].cost })
	return all
}

type decomposition struct{ base, levels int }

// packings keep as many bits of a word as Default's, with digits that this
// repository multiplies; the finer one needs twice the packing key.
var packings = []decomposition{{2, 6}, {1, 12}}

// decompositions have up to so many levels, bases 2^low to 2^high, and keep up to
// 32 bits.
func decompositions(levels, low, high int) (all []decomposition) {
	for l := 1; l <= levels; l++ {
		for base := low; base <= high && base*l <= 32; base++ {
			all = append(all, decomposition{base, l})
		}
	}
	return all
}

func newSet(p tfhe.Params) set {
	cmux := 1 + levelCost*float64(p.BootstrapLevel-1)
	products := float64(p.KeySwitchDigits()) * float64(p.LWEDim+1)
	return set{p, float64(p.LWEDim)*cmux + productCost*products}
}

// under returns s for keys whose errors are sums of so many.
func (s set) under(shares int) *tfhe.Params {
	s.KeyShares = shares
	return &s.Params
}

// maxNorm2 is the largest 2-norm squared that keeps the target, at most limit; -1
// if none does.
func (s set) maxNorm2(shares int) int {
	p := s.under(shares)
	return sort.Search(limit+1, func(norm2 int) bool { return p.FailureLog2(float64(norm2)) > target }) - 1
}

const limit = 999

// stores reports whether a full ciphertext at rest keeps the target.
func (s set) stores(shares int) bool {
	return s.under(shares).UnpackFailureLog2(s.PackSize) <= target
}

// runs reports whether this repository's bootstrap runs s: its transform takes one
// level of base 2^23, its key switch coefficients up to 2 in groups of four.
func (s set) runs() bool {
	return s.BootstrapLevel == 1 && s.BootstrapBaseLog == 23 && s.CheckDigits() == nil
}

// keyBytes is the size in memory of the bootstrapping key, binary64, and the
// key-switching key.
func (s set) keyBytes() int {
	ggsw := s.BootstrapLevel * (s.GLWEDim + 1) * (s.GLWEDim + 1) * s.PolySize * 8
	return s.LWEDim*ggsw + s.KeySwitchDigits()*(s.LWEDim+1)*vec.WordBits/8
}

// cheapest is the set of least cost that keeps the target at norm2 and at rest, and
// fits, of several the one that fails least. sets are ordered by cost.
func cheapest(sets []set, shares, norm2 int, fits func(set) bool) (best set, found bool) {
	least := float64(target)
	for _, s := range sets {
		if found && s.cost > best.cost {
			break
		}
		if failure := s.under(shares).FailureLog2(float64(norm2)); (failure < least || !found && failure <= target) && fits(s) && s.stores(shares) {
			best, found, least = s, true, failure
		}
	}
	return best, found
}
