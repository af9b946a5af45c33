package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/committee"
)

// believes refuses a committee whose digest policy discloses too easily, or which the
// party cannot decrypt by since it asks too few coprocessors. It returns the party's own
// coprocessor, whose word takes the policy's place, or zero.
func (cfg *PartyConfig) believes(d *network.Description, c *threshold.Committee) (own fhe.Address, err error) {
	if cfg.Own != "" {
		if own, err = network.ParseCoprocessor(cfg.Own); err == nil && len(cfg.APIs) != 1 {
			err = fmt.Errorf("--own-coprocessor %s, and %d nodes to ask: give --api once, for the node of your own", own, len(cfg.APIs))
		}
		return own, err
	}
	if err := d.CheckPolicy(&c.Policy, false); err != nil {
		return own, fmt.Errorf("%w: give --own-coprocessor and its --api, or have the next epoch name more coprocessors (docs/party.md)", err)
	}
	if need := c.Policy.Need; len(cfg.APIs) < need {
		return own, fmt.Errorf("the digest policy needs the word of %d coprocessors, and %d nodes are to be asked: give --api once for the node of each", need, len(cfg.APIs))
	}
	return own, nil
}

// checkPlan refuses a plan for keys that the party would not serve.
func checkPlan(plan *network.Description, own string) error {
	if own != "" {
		_, err := network.ParseCoprocessor(own)
		return err
	}
	if err := plan.CheckPolicy(&plan.Committee.Policy, false); err != nil {
		return fmt.Errorf("%w: give --own-coprocessor, or have the plan name more coprocessors (keygen --plan --coprocessor)", err)
	}
	return nil
}

// Where a party asks more than the node that serves wallets, those wait for that one
// alone, and others may be some time behind: a party asks them again for so long.
const (
	patience     = 20 * time.Second
	betweenCalls = 500 * time.Millisecond
)

// squashers ask the party's coprocessors.
func (cfg *PartyConfig) squashers() (all []committee.Squasher) {
	for _, api := range cfg.APIs {
		var s committee.Squasher = &remoteSquasher{base: api, log: cfg.Logger}
		if cfg.Own != "" || len(cfg.APIs) > 1 {
			s = patient{s}
		}
		all = append(all, s)
	}
	return all
}

// patient asks a coprocessor again that is not ready.
type patient struct{ committee.Squasher }

// Squashed implements committee.Squasher.
func (p patient) Squashed(ctx context.Context, r *committee.SquashRequest) (*committee.Squashed, error) {
	enough := time.Now().Add(patience)
	for {
		s, err := p.Squasher.Squashed(ctx, r)
		if f, refused := errors.AsType[*threshold.Fault](err); !refused || f.Code != threshold.NotReady || !time.Now().Before(enough) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(betweenCalls):
		}
	}
}
