package main

import (
	"bytes"
	"os"
	"testing"

	"fhevm/fhe/tfhe"
)

// The committed page must be what the present formulas give.
func TestCurrent(t *testing.T) {
	got, err := os.ReadFile("../../" + pagePath) // this folder is two below fhe/tfhe
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, page(candidates())) {
		t.Error("docs/parameters.md is out of date: run go generate ./fhe/tfhe")
	}
}

// The default set must hold for keys of 7 parties, and be the cheapest of those that
// run and do. What does not run may be 2 % cheaper.
func TestDefaultIsCheap(t *testing.T) {
	now := newSet(tfhe.Default)
	if now.maxNorm2(5) < tfhe.MaxNorm2 || !now.stores(5) {
		t.Errorf("the default set holds up to 2-norm squared %d, at rest: %v", now.maxNorm2(5), now.stores(5))
	}
	all := candidates()
	if s, found := cheapest(all, 5, tfhe.MaxNorm2, set.runs); !found || now.cost > s.cost {
		t.Errorf("cheapest set that runs is %+v, the default costs %.3f of it", s.Params, now.cost/s.cost)
	}
	if s, found := cheapest(all, 5, tfhe.MaxNorm2, anySet); !found || now.cost > 1.02*s.cost {
		t.Errorf("cheapest set is %+v, the default costs %.3f of it", s.Params, now.cost/s.cost)
	}
}

// Sets that are found hold what the page says of them and no more, for every
// kind of keys.
func TestFoundSetsHold(t *testing.T) {
	all := candidates()
	for _, c := range committees {
		s, found := cheapest(all, c.shares, tfhe.MaxNorm2, anySet)
		if !found || s.maxNorm2(c.shares) < tfhe.MaxNorm2 {
			t.Errorf("no set for keys of %s", c.name)
		}
		for _, shares := range []int{1, c.shares} {
			n := s.maxNorm2(shares)
			if p := s.under(shares).FailureLog2(float64(n)); p > target {
				t.Errorf("set for %s fails with probability 2^%.2f at 2-norm squared %d, %d key errors", c.name, p, n, shares)
			}
			if p := s.under(shares).FailureLog2(float64(n + 1)); n < limit && p <= target {
				t.Errorf("set for %s would hold at 2-norm squared %d too", c.name, n+1)
			}
		}
		if !s.stores(c.shares) {
			t.Errorf("set for %s does not hold at rest", c.name)
		}
		for _, other := range all {
			if other.cost < s.cost && other.under(c.shares).FailureLog2(tfhe.MaxNorm2) <= target && other.stores(c.shares) {
				t.Errorf("%+v costs less than the set for %s", other.Params, c.name)
			}
		}
	}
}

// All dimensions lie on the curve, at its corners.
func TestNoiseCurve(t *testing.T) {
	want := map[int]int{839: 47, 879: 46, 918: 45, 958: 44, 2048: 17} // published
	for n, b := range want {
		if got := noiseCurve(n); got != b {
			t.Errorf("errors for dimension %d are TUniform(%d), want %d", n, got, b)
		}
	}
	for _, n := range dimensions() {
		if noiseCurve(n-1) != noiseCurve(n)+1 {
			t.Errorf("dimension %d is no corner", n)
		}
	}
}
