package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"fhevm/chain"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// parties is the committee as a node asks it: the parties that this process
// plays, or connections to them.
type parties struct {
	description *network.Description
	epochs      *epochs
	keys        *identity.Identity

	mu     sync.Mutex
	relays map[uint64]*committee.Relay // by epoch
	close  []func() error
}

func (n *Node) openParties() (p *parties, err error) {
	p = &parties{description: n.network, epochs: n.epochs, keys: n.keys, relays: map[uint64]*committee.Relay{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if n.config.Remote {
		_, err = p.dial(&n.network.Committee)
		return p, err
	}
	if n.network.Network == chain.Dev {
		if n.inspector, err = newInspector(); err != nil {
			return p, err
		}
	}
	return p, p.play(n)
}

// relay finds the parties of an epoch, 0 for the present one.
func (p *parties) relay(ctx context.Context, epoch uint64) (*threshold.Committee, *committee.Relay, error) {
	c, err := p.epochs.of(ctx, epoch)
	if err != nil {
		return nil, nil, err
	}
	p.mu.Lock()
	r := p.relays[c.Epoch.Number]
	p.mu.Unlock()
	if r == nil {
		r, err = p.dial(c)
	}
	return c, r, err
}

// dial prepares connections to the parties at the addresses of their committee.
func (p *parties) dial(c *threshold.Committee) (*committee.Relay, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.relays[c.Epoch.Number]; r != nil {
		return r, nil
	}
	r := &committee.Relay{Quorum: c.Quorum(), Parties: map[threshold.PartyID]committee.Service{}}
	for _, m := range c.Members {
		if m.Address == "" {
			return nil, fmt.Errorf("party %d has no address in the description of epoch %d", m.Party, c.Epoch.Number)
		}
		client, err := committee.Dial(m, p.keys)
		if err != nil {
			return nil, err
		}
		r.Parties[m.Party] = client
		p.close = append(p.close, client.Close)
	}
	p.relays[c.Epoch.Number] = r
	return r, nil
}

// play runs all parties in this process, each with its own share and records.
func (p *parties) play(n *Node) error {
	view := n.view()
	if err := checkChain(context.Background(), view, n.network); err != nil {
		return fmt.Errorf("the chain: %w", err)
	}
	if err := checkPresent(context.Background(), view, n.network); err != nil {
		return fmt.Errorf("the chain: %w", err)
	}
	relay := &committee.Relay{Quorum: p.description.Committee.Quorum(), Parties: map[threshold.PartyID]committee.Service{}}
	p.relays[p.description.Committee.Epoch.Number] = relay
	var own []*committee.Party
	for _, m := range p.description.Committee.Members {
		keys, err := committee.LoadIdentity(n.config.Network.IdentityFile(m.Party))
		if err != nil {
			return fmt.Errorf("play party %d: %w (where the parties run elsewhere, use --remote)", m.Party, err)
		}
		log := n.config.Logger.With("party", m.Party)
		records, err := committee.OpenRecords(committee.RecordsConfig{
			Dir: filepath.Join(n.config.DataDir, network.PlayedDir(m.Party)), FS: fileSystem(n.config.DataDir),
			Signer: keys.Signer, SquashKey: p.description.Committee.Epoch.SquashKey, Log: log,
		})
		if err != nil {
			return fmt.Errorf("play party %d: %w", m.Party, err)
		}
		p.close = append(p.close, records.Close)
		party, err := openParty(n.config.Network, n.network, &p.description.Committee, m.Party, keys, partyConfig{
			records: records, chain: n.committeeView(view), log: log,
			squashers: []committee.Squasher{n}, own: eip712.AddressOf(n.keys.Signer.PubKey()), // this process recomputes for its parties
		})
		if err != nil {
			return fmt.Errorf("play party %d: %w", m.Party, err)
		}
		own = append(own, party)
		relay.Parties[m.Party] = party
	}
	for _, party := range own {
		party.Connect(peersOf(party.ID(), relay.Parties))
	}
	return nil
}

// partyConfig is where a party finds the rest of the network.
type partyConfig struct {
	records   *committee.Records
	chain     committee.Chain
	squashers []committee.Squasher
	own       fhe.Address // its own coprocessor, or zero
	log       *slog.Logger
	observe   func(committee.Event)
	blame     func(threshold.PartyID)
}

// openParty opens a party of one of the network's epochs.
func openParty(f network.Folder, d *network.Description, epoch *threshold.Committee, id threshold.PartyID, keys *identity.Identity, c partyConfig) (*committee.Party, error) {
	secret, err := f.SecretOf(d, epoch, id, keys)
	if err != nil {
		return nil, err
	}
	return committee.Open(committee.Config{
		Identity: keys, Secret: secret, Domain: d.Domain(), Verifier: d.Contracts.DecryptionVerifier,
		Chain: c.chain, Squashers: c.squashers, Own: c.own, Development: d.Development(), Records: c.records, Log: c.log, Observe: c.observe, Blame: c.blame,
	})
}

func peersOf(id threshold.PartyID, all map[threshold.PartyID]committee.Service) map[threshold.PartyID]committee.Service {
	peers := map[threshold.PartyID]committee.Service{}
	for other, s := range all {
		if other != id {
			peers[other] = s
		}
	}
	return peers
}

// chainView is chain.View in the committee's terms.
type chainView struct{ view *chain.View }

func (v chainView) Finalized(ctx context.Context) (*committee.Block, error) {
	b, err := v.view.Finalized(ctx)
	if err != nil {
		return nil, err
	}
	return &committee.Block{Number: b.Number, Time: b.Time, Rights: b}, nil
}

// linger is how long a user's request waits for the rest of the parties once
// 2t+1 have answered. One that is silent must not hold it up much longer, but
// one that is slow may be needed in the place of a liar.
const linger = 30 * time.Second

// userDecrypt passes every answer to forward, and returns why too few came.
func (p *parties) userDecrypt(ctx context.Context, req *permit.Request, forward func(sdk.Reply)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := 0
	c, relay, err := p.relay(ctx, req.Epoch)
	if err == nil {
		err = relay.UserDecrypt(ctx, req, func(a *seal.Answer) bool {
			forward(sdk.Reply{Answer: a})
			if answers++; answers == c.Quorum().Agree() {
				time.AfterFunc(linger, cancel)
			}
			return false
		})
	}
	return err
}

// publicDecrypt collects signatures until a quorum agrees.
func (p *parties) publicDecrypt(ctx context.Context, handles []fhe.Handle) (*sdk.PublicResult, error) {
	c, relay, err := p.relay(ctx, 0)
	if err != nil {
		return nil, err
	}
	tally := permit.NewTally(p.description.SigningDomain(), c, handles)
	out := &sdk.PublicResult{Handles: handles}
	err = relay.PublicDecrypt(ctx, &committee.PublicRequest{Handles: handles, Epoch: c.Epoch.Number}, func(a *permit.PublicAnswer) bool {
		done, err := tally.Add(a)
		if err != nil {
			out.Blames = append(out.Blames, threshold.Blame{Party: a.Party, Reason: err.Error()})
		}
		return done
	})
	result, proof := tally.Result()
	if result == nil {
		return nil, errors.Join(err, threshold.Faultf(threshold.Unavailable, "fewer than %d parties signed the same result", c.Quorum().Agree()))
	}
	for i, v := range result.Values {
		out.Values = append(out.Values, handles[i].Type().Text(v))
	}
	out.Result, out.Proof = result.Encoding(), proof
	return out, nil
}

// Close closes the parties or the connections to them.
func (p *parties) Close() error {
	var errs []error
	for _, c := range p.close {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
