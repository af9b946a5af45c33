package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"fhevm/node/network"
	"fhevm/threshold/committee"
	"fhevm/threshold/generation"
)

// GenerationProgress is how far a key generation is.
type GenerationProgress = generation.Progress

// GenerationConfig says in which key generation a party takes part.
type GenerationConfig struct {
	Plan     string // path of the plan, the same for all parties
	Identity string // path of the party's identity file
	// Passphrase is that of the identity file; "" where it has none.
	Passphrase string
	Out        network.Folder // for the party's share and the network's description
	Public     bool           // write the public keys too
	Attempt    uint32         // runs that the same parties have given up
	Listen     string         // address to listen at; default that of the plan
	Gather     time.Duration  // for all parties to appear
	Patience   time.Duration  // for what they owe later
	Progress   func(GenerationProgress)
	Logger     *slog.Logger
}

// Generate takes part in a key generation and writes what it gives.
func Generate(ctx context.Context, cfg GenerationConfig) (*network.Description, error) {
	plan, err := network.ReadPlan(cfg.Plan)
	if err != nil {
		return nil, err
	}
	run, err := plan.Generation(cfg.Attempt)
	if err != nil {
		return nil, err
	}
	keys, err := committee.UnlockIdentity(cfg.Identity, cfg.Passphrase)
	if err != nil {
		return nil, err
	}
	member, err := memberOf(plan, keys)
	if err != nil {
		return nil, err
	}
	address := cfg.Listen
	if address == "" {
		address = member.Address
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen as party %d: %w", member.Party, err)
	}
	if err := cfg.Out.Begin(cfg.Attempt); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	result, err := generation.Generate(ctx, generation.Config{
		Run: run, Party: member.Party, Identity: keys, Listener: listener,
		Gather: cfg.Gather, Patience: cfg.Patience, Progress: cfg.Progress, Log: cfg.Logger,
		Keep: func(r *generation.Result) error { return cfg.Out.Keep(r, cfg.Public) },
	})
	if errors.Is(err, generation.ErrInDoubt) {
		return nil, fmt.Errorf("%w; ask the other parties: if one of them has network.json, copy it and its certificate.json to %s, which holds this party's share; if none has, remove %s",
			err, cfg.Out, cfg.Out)
	}
	if err != nil {
		return nil, err
	}
	defer result.Secret.Wipe()
	return cfg.Out.Accept(plan, cfg.Attempt, result)
}
