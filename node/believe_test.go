package node

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fhevm/chain"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/committee"
)

// TestBelieves: on a chain of its own a party takes the word of two of three, or of its
// own node alone, and asks enough of them.
func TestBelieves(t *testing.T) {
	own, three := fhe.Address{7}, []fhe.Address{{1}, {2}, {3}}
	for _, c := range []struct {
		chain  uint64
		policy threshold.Policy
		own    string
		apis   int
		want   string // of the error, "" for none
	}{
		{31337, threshold.Policy{Coprocessors: three[:1], Need: 1}, "", 1, ""},
		{31337, threshold.Policy{Coprocessors: three[:1], Need: 1}, own.String(), 1, ""},
		{31337, threshold.Policy{Coprocessors: three, Need: 2}, "", 1, "needs the word of 2 coprocessors, and 1 nodes"},
		{1, threshold.Policy{Coprocessors: three[:1], Need: 1}, "", 1, "give --own-coprocessor"},
		{1, threshold.Policy{Coprocessors: three, Need: 1}, "", 3, "1 of 3 coprocessors"},
		{1, threshold.Policy{Coprocessors: three[:2], Need: 2}, "", 2, "2 of 2 coprocessors"},
		{1, threshold.Policy{Coprocessors: three, Need: 2}, "", 1, "give --api once for the node of each"},
		{1, threshold.Policy{Coprocessors: three, Need: 2}, "", 2, ""},
		{1, threshold.Policy{Coprocessors: three[:1], Need: 1}, own.String(), 1, ""},
		{1, threshold.Policy{Coprocessors: three[:1], Need: 1}, own.String(), 2, "2 nodes to ask"},
		{1, threshold.Policy{Coprocessors: three[:1], Need: 1}, "0x07", 1, "coprocessor \"0x07\""},
		{1, threshold.Policy{Coprocessors: three[:1], Need: 1}, fhe.Address{}.String(), 1, "zero address"},
	} {
		d := testNetwork()
		d.ChainID, d.Committee.Policy = c.chain, c.policy
		cfg := &PartyConfig{Own: c.own, APIs: make([]string, c.apis)}
		got, err := cfg.believes(d, &d.Committee)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil || (got == own) != (c.own != "") {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
	}
}

// TestPlanOfParty: keys are not made for parties that would not serve them.
func TestPlanOfParty(t *testing.T) {
	d := testNetwork()
	if err := checkPlan(d, ""); err != nil {
		t.Errorf("for development: %v", err)
	}
	if d.ChainID = 1; checkPlan(d, "") == nil || checkPlan(d, "0x07") == nil {
		t.Error("one word on a chain of its own is accepted")
	}
	if err := checkPlan(d, fhe.Address{7}.String()); err != nil {
		t.Errorf("the party recomputes: %v", err)
	}
	earlier, err := network.ReadPlan(interrupt(t).founder().PlanFile())
	if err != nil {
		t.Fatal(err)
	}
	founder := network.Folder(filepath.Join(t.TempDir(), "founder"))
	if _, err := founder.Draft(network.Plan{ChainID: 1, Members: earlier.Committee.Members, Words: network.Words{Recompute: true}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(t.Context(), GenerationConfig{Plan: founder.PlanFile()}); err == nil || !strings.Contains(err.Error(), "keygen --plan --coprocessor") {
		t.Errorf("a key generation: %v", err)
	}
	d.Committee.Policy = threshold.Policy{Coprocessors: []fhe.Address{{1}, {2}, {3}}, Need: 2}
	if err := checkPlan(d, ""); err != nil {
		t.Errorf("two of three: %v", err)
	}
}

// TestDevelopment: a chain id of its own, or another kind, ends it.
func TestDevelopment(t *testing.T) {
	if d := testNetwork(); !d.Development() {
		t.Error("the development chain is none")
	}
	d := testNetwork()
	if d.Network = chain.Production; d.Development() {
		t.Error("a production network is for development")
	}
}

type squasherFunc func() error

func (f squasherFunc) Squashed(context.Context, *committee.SquashRequest) (*committee.Squashed, error) {
	return nil, f()
}

// TestPatient: a party waits a while for a coprocessor that is behind, and for nothing
// else.
func TestPatient(t *testing.T) {
	notReady := threshold.Faultf(threshold.NotReady, "ask again")
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			after time.Duration
			first error
			then  error
			took  time.Duration
		}{
			{0, nil, nil, 0},
			{3 * time.Second, notReady, nil, 3 * time.Second},
			{time.Hour, notReady, nil, patience},
			{time.Hour, threshold.Faultf(threshold.UnknownHandle, "no"), nil, 0},
			{time.Hour, errors.New("broken"), nil, 0},
		} {
			begun := time.Now()
			_, err := patient{squasherFunc(func() error {
				if time.Since(begun) < c.after {
					return c.first
				}
				return c.then
			})}.Squashed(t.Context(), nil)
			if took := time.Since(begun); took != c.took || (err == nil) != (took == c.after) {
				t.Errorf("%+v: took %v, %v", c, took, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := (patient{squasherFunc(func() error { return notReady })}).Squashed(ctx, nil); err == nil || time.Since(begun) != time.Second {
			t.Errorf("nobody waits any more: %v after %v", err, time.Since(begun))
		}
	})
}
