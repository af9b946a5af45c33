package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fhevm/chain"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/ceremony"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"
	"fhevm/threshold/reshare"
)

// Reshare says which epoch a party helps to begin.
type Reshare struct {
	// Epoch is the number of the new epoch, and To its committee; nil is that of the
	// epoch before, with fresh shares.
	Epoch   uint64
	To      *threshold.Committee
	Attempt uint32
	// Gather is how long it waits for the others to begin, and Round for the last
	// of them in the first round; 0 means an hour and a minute.
	Gather, Round time.Duration
}

// resharing is a party's part in one attempt.
type resharing struct {
	tenure  *tenure
	d       *network.Description
	plan    *reshare.Plan
	session *ceremony.Session
	peers   map[fhe.Digest]ceremony.Peer
	hangUp  func()
}

// reshare prepares a party's part.
func (t *tenure) reshare(d *network.Description, plan *reshare.Plan) (r *resharing, err error) {
	c := ceremony.Config{
		Plan: plan, Identity: t.keys, Dir: t.attempt(plan.New.Epoch.Number, plan.Attempt),
		Patience: ceremony.Patience{Gather: t.cfg.Reshare.Gather, Round: t.cfg.Reshare.Round}, Log: t.cfg.Logger, Progress: t.cfg.Progress,
	}
	if old := t.open[plan.Old.Epoch.Number]; old != nil {
		c.Share, c.HandOver = old.party.Lend(), old.party.HandOver
	}
	r = &resharing{tenure: t, d: d, plan: plan}
	if r.session, err = ceremony.Open(c); err != nil {
		return nil, err
	}
	r.peers, r.hangUp, err = dialAll(plan, t.keys)
	return r, err
}

// plan says from whom to whom. An attempt that has succeeded is the one.
func (c *Reshare) plan(d *network.Description) (*reshare.Plan, error) {
	p := &reshare.Plan{Old: d.CommitteeOf(c.Epoch - 1), New: c.To, Attempt: c.Attempt}
	if p.Old == nil {
		return nil, fmt.Errorf("the network's folder has no epoch %d, which epoch %d is to follow", c.Epoch-1, c.Epoch)
	}
	if p.New == nil {
		next, err := network.Propose(p.Old, nil)
		if err != nil {
			return nil, err
		}
		p.New = next
	}
	for _, s := range d.Later {
		if s.Committee.Epoch.Number != c.Epoch {
			continue
		}
		if !s.Committee.Equal(p.New) {
			return nil, fmt.Errorf("epoch %d is made already, with other members", c.Epoch)
		}
		p.Attempt = s.Certificate.Attempt
	}
	return p, p.Check()
}

// guests are both committees' members.
func guests(p *reshare.Plan) func(fhe.Digest) bool {
	return func(f fhe.Digest) bool {
		_, old := p.Old.PartyByTLS(f)
		_, next := p.New.PartyByTLS(f)
		return old || next
	}
}

// dialAll prepares connections to all members but oneself. One who sits in both
// committees is reached where the new one says.
func dialAll(p *reshare.Plan, keys *identity.Identity) (peers map[fhe.Digest]ceremony.Peer, hangUp func(), err error) {
	peers = map[fhe.Digest]ceremony.Peer{}
	var clients []*committee.Client
	hangUp = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	for _, c := range []*threshold.Committee{p.New, p.Old} {
		for _, m := range c.Members {
			if peers[m.TLS] != nil || m.TLS == keys.Fingerprint() {
				continue
			}
			client, err := committee.Dial(m, keys)
			if err != nil {
				hangUp()
				return nil, nil, err
			}
			clients, peers[m.TLS] = append(clients, client), client
		}
	}
	return peers, hangUp, nil
}

// run takes part to the end and writes what comes of it. The others may fetch
// what this party said until it stops.
func (r *resharing) run(ctx context.Context) error {
	defer r.hangUp()
	out, err := r.session.Run(ctx, r.peers)
	var over *reshare.Abort
	switch {
	case ctx.Err() != nil:
		return nil // it goes on from its journals
	case errors.As(err, &over):
		// It goes on to serve, and to tell the others why the attempt is over.
		r.tenure.tell("resharing to epoch %d failed: %v", r.plan.New.Epoch.Number, err)
		return nil
	case err != nil:
		return fmt.Errorf("resharing to epoch %d: %w", r.plan.New.Epoch.Number, err)
	}
	if err := r.save(out); err != nil {
		return err
	}
	call, err := chain.ActivateEpoch(network.OnChain(r.plan.New))
	if err != nil {
		return err
	}
	r.tenure.tell("epoch %d is ready: the network's owner puts it in force by a call of %s with 0x%x",
		r.plan.New.Epoch.Number, r.d.Contracts.KeyRegistry, call)
	return nil
}

// save writes the share first: an epoch that the folder describes is complete.
func (r *resharing) save(out *ceremony.Outcome) error {
	if out.Secret != nil {
		defer out.Secret.Wipe()
		if err := r.tenure.cfg.Network.SaveSecret(r.d, out.Secret); err != nil {
			return err
		}
	}
	return r.tenure.cfg.Network.AddEpoch(&network.Succession{Committee: *r.plan.New, Certificate: out.Certificate})
}

// RegistryAddress is the key registry's: the one that is named, or the
// established one.
func RegistryAddress(named string) (fhe.Address, error) { return (&Attach{Registry: named}).registry() }
