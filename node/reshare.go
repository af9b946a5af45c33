package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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

// resharing is a party's part in one attempt. Whoever ends it waits until its run
// has let go of the session.
type resharing struct {
	tenure  *tenure
	d       *network.Description
	plan    *reshare.Plan
	session *ceremony.Session
	peers   map[fhe.Digest]ceremony.Peer
	hangUp  func()
	stop    context.CancelFunc
	running sync.WaitGroup
	over    atomic.Bool // its run
}

// reshare prepares a party's part.
func (t *tenure) reshare(d *network.Description, plan *reshare.Plan) (r *resharing, err error) {
	c := ceremony.Config{
		Plan: plan, Identity: t.keys, Dir: t.journals(plan.New.Epoch.Number), Certificate: t.certificate(plan),
		Patience: ceremony.Patience{Gather: t.cfg.Reshare.Gather, Round: t.cfg.Reshare.Round}, Log: t.cfg.Logger, Progress: t.cfg.Progress,
	}
	if old := t.open[plan.Old.Epoch.Number]; old != nil {
		c.Lender = old.party
	}
	r = &resharing{tenure: t, d: d, plan: plan, stop: func() {}}
	if r.session, err = ceremony.Open(c); err != nil {
		return nil, err
	}
	if r.peers, r.hangUp, err = dialAll(plan, t.keys); err != nil {
		return nil, errors.Join(err, r.session.Close())
	}
	return r, nil
}

// certificate finds that of an attempt in the folder, where another party or its
// operator may have put it.
func (t *tenure) certificate(plan *reshare.Plan) func() *reshare.Certificate {
	return func() *reshare.Certificate {
		d, err := t.cfg.Network.Description()
		if err != nil {
			return nil // whoever follows the epochs says so
		}
		s := d.Succession(plan.New.Epoch.Number)
		if s == nil || s.Certificate.Attempt != plan.Attempt || !s.Committee.Equal(plan.New) {
			return nil
		}
		return s.Certificate
	}
}

// recover gets the share of an epoch that this party has confirmed, and of which it did
// not see the certificate until the folder had it.
func (t *tenure) recover(ctx context.Context, d *network.Description, c *threshold.Committee) error {
	s := d.Succession(c.Epoch.Number)
	plan := &reshare.Plan{Old: d.CommitteeOf(c.Epoch.Number - 1), New: c, Attempt: s.Certificate.Attempt}
	session, err := ceremony.Open(ceremony.Config{
		Plan: plan, Identity: t.keys, Dir: t.journals(c.Epoch.Number), Certificate: func() *reshare.Certificate { return s.Certificate },
	})
	if err != nil {
		return err
	}
	defer session.Close()
	out, err := session.Run(ctx, nil)
	if err != nil {
		return err
	}
	defer out.Secret.Wipe()
	return t.cfg.Network.SaveSecret(s, out.Secret)
}

// plan says from whom to whom. An attempt that has succeeded is the one, unless
// other members are to take the place of those.
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
	if s := d.Succession(c.Epoch); s != nil && s.Committee.Equal(p.New) {
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

// start returns the resharing's run, for which end waits whether or not it is called.
func (r *resharing) start(ctx context.Context) func() error {
	ctx, r.stop = context.WithCancel(ctx)
	r.running.Add(1)
	return func() error {
		defer r.running.Done()
		defer r.over.Store(true)
		return r.run(ctx)
	}
}

// end stops the resharing and forgets its secrets, once its run is over. The others
// may fetch what this party said all the same. It may be repeated.
func (r *resharing) end() error {
	r.stop()
	r.running.Wait()
	r.hangUp()
	return r.session.Close()
}

// run takes part to the end and writes what comes of it.
func (r *resharing) run(ctx context.Context) error {
	defer r.hangUp()
	out, err := r.session.Run(ctx, r.peers)
	if err == nil {
		err = r.save(ctx, out)
	}
	var over *reshare.Abort
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // it goes on from its journals
	case errors.As(err, &over) || errors.Is(err, ceremony.ErrOver) || errors.Is(err, errOtherCommittee):
		// It goes on to serve, and to tell the others why the attempt is over.
		r.tenure.tell("resharing to epoch %d failed: %v", r.plan.New.Epoch.Number, err)
		return nil
	case err != nil:
		return fmt.Errorf("resharing to epoch %d: %w", r.plan.New.Epoch.Number, err)
	}
	call, err := chain.ActivateEpoch(network.OnChain(r.plan.New))
	if err != nil {
		return err
	}
	r.tenure.tell("epoch %d is ready: the network's owner puts it in force by a call of %s with 0x%x",
		r.plan.New.Epoch.Number, r.d.Contracts.KeyRegistry, call)
	return nil
}

// errOtherCommittee says that a certificate came too late.
var errOtherCommittee = errors.New("the key registry has put that epoch in force with other members: what this attempt made is of no use, get their epoch-N.json if the folder lacks it")

// save writes the share first: an epoch that the folder describes is complete.
func (r *resharing) save(ctx context.Context, out *ceremony.Outcome) error {
	if out.Secret != nil {
		defer out.Secret.Wipe()
	}
	number := r.plan.New.Epoch.Number
	now, err := r.tenure.registered(ctx, number)
	if err != nil {
		return err
	}
	if len(now.Signers) > 0 && !sameCommittee(now, network.OnChain(r.plan.New)) {
		return errOtherCommittee
	}
	s := &network.Succession{Committee: *r.plan.New, Certificate: out.Certificate}
	if out.Secret != nil {
		if err := r.tenure.cfg.Network.SaveSecret(s, out.Secret); err != nil {
			return err
		}
	}
	aside, err := r.tenure.cfg.Network.AddEpoch(s)
	if aside != "" {
		r.tenure.tell("the folder described another committee of epoch %d, which is not in force: it is in %s now", number, aside)
	}
	return err
}

// RegistryAddress is the key registry's: the one that is named, or the
// established one.
func RegistryAddress(named string) (fhe.Address, error) { return (&Attach{Registry: named}).registry() }
