package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"fhevm/node/network"
	"fhevm/threshold"
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
	// Own is the address of the party's own coprocessor, whose word alone it will take
	// (PartyConfig.Own); "" where that of the plan's coprocessors suffices.
	Own     string
	Attempt uint32 // runs that the same parties have given up
	// GiveUp sets aside what this party has confirmed of an earlier attempt: all parties
	// must know that it was not completed.
	GiveUp   bool
	Listen   string        // address to listen at; default that of the plan
	Gather   time.Duration // for all parties to appear
	Patience time.Duration // for what they owe later
	Progress func(GenerationProgress)
	Logger   *slog.Logger
}

// Generate takes part in a key generation and writes what it gives. Where the folder has
// a share whose keys this party confirmed in the same attempt, it resumes that: it asks
// the others for their confirmations, or gives them theirs.
func Generate(ctx context.Context, cfg GenerationConfig) (*network.Description, error) {
	plan, err := network.ReadPlan(cfg.Plan)
	if err != nil {
		return nil, err
	}
	if err := checkPlan(plan, cfg.Own); err != nil {
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
	listener, err := net.Listen("tcp", cmp.Or(cfg.Listen, member.Address))
	if err != nil {
		return nil, fmt.Errorf("listen as party %d: %w", member.Party, err)
	}
	defer listener.Close()
	part := generation.Config{
		Run: run, Party: member.Party, Identity: keys, Listener: listener,
		Gather: cfg.Gather, Patience: cfg.Patience, Progress: cfg.Progress, Log: cfg.Logger,
		Keep: func(r *generation.Result) error { return cfg.Out.Keep(plan, r, cfg.Public) },
	}
	held, err := cfg.Out.Confirmed(plan, member.Party, keys)
	if err != nil {
		return nil, err
	}
	if held != nil && held.Attempt == cfg.Attempt && !cfg.GiveUp {
		return cfg.resume(ctx, part, held)
	}
	return cfg.begin(ctx, part, held)
}

// begin takes part in an attempt from its beginning. held is what the party has confirmed
// of an earlier one, if it did.
func (cfg *GenerationConfig) begin(ctx context.Context, part generation.Config, held *network.Confirmed) (*network.Description, error) {
	if err := cfg.giveUp(part.Party, held); err != nil {
		return nil, err
	}
	if err := cfg.Out.Begin(part.Party, cfg.Attempt); err != nil {
		return nil, err
	}
	result, err := generation.Generate(ctx, part)
	if err != nil {
		return nil, cfg.advise(err)
	}
	defer result.Secret.Wipe()
	return cfg.Out.Accept(cfg.Attempt, result.Certificate)
}

// giveUp sets aside what the party has confirmed, if it is told to and may.
func (cfg *GenerationConfig) giveUp(party threshold.PartyID, held *network.Confirmed) error {
	switch {
	case held == nil:
		return nil
	case held.Done || held.Certificate != nil:
		return fmt.Errorf("%s has the keys of attempt %d, which all parties have confirmed: there is nothing to generate (--attempt %d without --give-up gives others the certificate)",
			cfg.Out, held.Attempt, held.Attempt)
	case !cfg.GiveUp || cfg.Attempt <= held.Attempt:
		return fmt.Errorf("%w; %s", generation.ErrInDoubt, advice(cfg.Out, held.Attempt))
	}
	return cfg.Out.GiveUp(party, held.Attempt)
}

// resume completes a run that this party has confirmed.
func (cfg *GenerationConfig) resume(ctx context.Context, part generation.Config, held *network.Confirmed) (*network.Description, error) {
	if held.Certificate != nil && !held.Done { // another party gave it: this is all that was missing
		return cfg.Out.Accept(held.Attempt, held.Certificate)
	}
	if cfg.Logger != nil {
		cfg.Logger.Info("key generation: this party has confirmed the keys, and asks the others", "attempt", held.Attempt, "done", held.Done)
	}
	epoch := held.Description.Committee.Epoch
	certificate, err := generation.Resume(ctx, part, epoch.Key, epoch.SquashKey, held.Certificate)
	if err != nil {
		return nil, cfg.advise(err)
	}
	return cfg.Out.Accept(held.Attempt, certificate)
}

// advise says what to do where the party has confirmed.
func (cfg *GenerationConfig) advise(err error) error {
	if errors.Is(err, generation.ErrInDoubt) {
		return fmt.Errorf("%w; %s", err, advice(cfg.Out, cfg.Attempt))
	}
	return err
}

func advice(out network.Folder, attempt uint32) string {
	return fmt.Sprintf("keep %s, and ask the other parties: if one has network.json for attempt %d, copy its certificate.json to %s and run the same command with --attempt %d; "+
		"if none has, let all run it with --attempt %d at the same time, which completes the run if all have confirmed; "+
		"if a party says that it has not confirmed, and never will, give the run up: --attempt %d --give-up at every party, which keeps this share under another name",
		out, attempt, out, attempt, attempt, attempt+1)
}
