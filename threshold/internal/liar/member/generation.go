package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dkg"
	"fhevm/threshold/generation"
	"fhevm/threshold/internal/lwetest"
)

// birth says in which key generation a party takes part, of keys that protect nothing.
type birth struct {
	Identity  string // path
	Committee *threshold.Committee
	Attempt   uint32
	Patience  time.Duration
	Manner    string // of what it sends; "" is honest
	Seed      uint64
}

// end is what came of it.
type end struct {
	Key    fhe.Digest // zero: it failed
	Blames []threshold.Blame
	Error  string
}

func generate(ctx context.Context, b *birth) error {
	own, err := committee.LoadIdentity(b.Identity)
	if err != nil {
		return err
	}
	id, ok := b.Committee.PartyByTLS(own.Fingerprint())
	if !ok {
		return errors.New("this identity is not in the committee")
	}
	run, err := dkg.NewRun(b.Committee, &lwetest.Few, fhe.Digest{}, b.Attempt)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", b.Committee.Members[id-1].Address)
	if err != nil {
		return err
	}
	if b.Manner != "" {
		if l, err = tap(b, run, own, id, l); err != nil {
			return err
		}
	}
	result, err := generation.Generate(ctx, generation.Config{
		Run: run, Party: id, Identity: own, Listener: l, Gather: b.Patience, Patience: b.Patience,
	})
	return json.NewEncoder(printed{}).Encode(endOf(result, err))
}

func endOf(r *generation.Result, err error) (e end) {
	if err == nil {
		return end{Key: r.Keys.ID()}
	}
	if f, ok := errors.AsType[*dkg.Failure](err); ok {
		e.Blames = f.Blames
	}
	e.Error = err.Error()
	return e
}

// printed is standard output, a line at a time after a word.
type printed struct{}

func (printed) Write(b []byte) (int, error) { return fmt.Printf("ended %s", b) }
