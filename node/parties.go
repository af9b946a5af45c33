package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"fhevm/chain"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// parties is the committee as a node asks it: the parties that this process
// plays, or connections to them.
type parties struct {
	description *network.Description
	relay       *committee.Relay
	close       []func() error
}

func (n *Node) openParties() (p *parties, err error) {
	p = &parties{description: n.network, relay: &committee.Relay{
		Quorum: n.network.Committee.Quorum(), Parties: map[threshold.PartyID]committee.Service{},
	}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if n.config.Remote {
		return p, p.dial(n.keys)
	}
	if n.network.Network == chain.Dev {
		if n.inspector, err = newInspector(); err != nil {
			return p, err
		}
	}
	return p, p.play(n)
}

// dial connects to the parties at the addresses of the description.
func (p *parties) dial(keys *identity.Identity) error {
	for _, m := range p.description.Committee.Members {
		if m.Address == "" {
			return fmt.Errorf("party %d has no address in the network's description", m.Party)
		}
		c, err := committee.Dial(m, keys)
		if err != nil {
			return err
		}
		p.relay.Parties[m.Party] = c
		p.close = append(p.close, c.Close)
	}
	return nil
}

// play runs all parties in this process, each with its own share and store.
func (p *parties) play(n *Node) error {
	view := n.view()
	if err := checkChain(context.Background(), view, n.network); err != nil {
		return fmt.Errorf("the chain: %w", err)
	}
	var own []*committee.Party
	for _, m := range p.description.Committee.Members {
		keys, err := committee.LoadIdentity(n.config.Network.IdentityFile(m.Party))
		if err != nil {
			return fmt.Errorf("play party %d: %w (where the parties run elsewhere, use --remote)", m.Party, err)
		}
		party, err := openParty(n.config.Network, n.network, m.Party, keys, partyConfig{
			dir: filepath.Join(n.config.DataDir, network.RecordsDir(m.Party)), fs: fileSystem(n.config.DataDir),
			chain: n.committeeView(view), squasher: n, log: n.config.Logger.With("party", m.Party),
		})
		if err != nil {
			return fmt.Errorf("play party %d: %w", m.Party, err)
		}
		own = append(own, party)
		p.relay.Parties[m.Party] = party
		p.close = append(p.close, party.Close)
	}
	for _, party := range own {
		party.Connect(peersOf(party.ID(), p.relay.Parties))
	}
	return nil
}

// partyConfig is where a party finds the rest of the network.
type partyConfig struct {
	dir      string // of its store, in fs
	fs       vfs.FS
	chain    committee.Chain
	squasher committee.Squasher
	log      *slog.Logger
	quotas   committee.Quotas
	observe  func(committee.Event)
	blame    func(threshold.PartyID)
}

func openParty(f network.Folder, d *network.Description, id threshold.PartyID, keys *identity.Identity, c partyConfig) (*committee.Party, error) {
	secret, err := f.Secret(d, id, keys)
	if err != nil {
		return nil, err
	}
	return committee.Open(committee.Config{
		Identity: keys, Secret: secret, Domain: d.Domain(), Verifier: d.Contracts.DecryptionVerifier,
		Chain:    c.chain,
		Squasher: c.squasher, Dir: c.dir, FS: c.fs, Log: c.log,
		Quotas: c.quotas, Observe: c.observe, Blame: c.blame,
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

// userDecrypt passes every answer to forward, and in the end why too few came,
// which it returns too.
func (p *parties) userDecrypt(ctx context.Context, req *permit.Request, forward func(sdk.Reply)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := 0
	err := p.relay.UserDecrypt(ctx, req, func(a *seal.Answer) bool {
		forward(sdk.Reply{Answer: a})
		if answers++; answers == p.relay.Quorum.Agree() {
			time.AfterFunc(linger, cancel)
		}
		return false
	})
	if err != nil {
		problem := problemOf(err)
		forward(sdk.Reply{Problem: &problem})
	}
	return err
}

// publicDecrypt collects signatures until a quorum agrees.
func (p *parties) publicDecrypt(ctx context.Context, handles []fhe.Handle) (*sdk.PublicResult, error) {
	c := &p.description.Committee
	tally := permit.NewTally(p.description.SigningDomain(), c, handles)
	out := &sdk.PublicResult{Handles: handles}
	err := p.relay.PublicDecrypt(ctx, &committee.PublicRequest{Handles: handles}, func(a *permit.PublicAnswer) bool {
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
