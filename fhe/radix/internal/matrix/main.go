// Command matrix evaluates every form of every operation on every type with real
// keys, compares the results with plain arithmetic (random values with their range),
// and records their digests in
// testdata/matrix.txt, a line for each cell:
//
//	circuit  digest  cell
//
// It skips the cells whose line has the present circuit, so it can be stopped
// and started again. It runs in its own folder: make matrix.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/big"
	"os"
	"os/signal"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

const path = "testdata/matrix.txt"

func main() {
	log.SetFlags(0)
	only := flag.String("only", "", "evaluate the cells that match this regular `expression`")
	again := flag.Bool("again", false, "evaluate cells that have a line, too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *again); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, only string, again bool) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	book, err := read(path)
	if err != nil {
		return err
	}
	m := &matrix{network: newNetwork(&tfhe.Default), book: book}
	defer m.engine.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(together)
	for i, c := range cells() {
		print := c.circuit(ctx)
		if !pattern.MatchString(c.String()) || !again && m.has(c, print) {
			continue
		}
		g.Go(func() error { return m.fill(ctx, i, c, print) })
	}
	return g.Wait()
}

// together is how many cells are evaluated at a time. A deep circuit's layers are
// narrow: only with others' do they fill the engine's batches.
const together = 8

// matrix is a network and what it has computed.
type matrix struct {
	*network
	mu   sync.Mutex
	book *book
}

func (m *matrix) has(c cell, circuit fhe.Digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.book.has(c, circuit)
}

// fill evaluates cell i and records it.
func (m *matrix) fill(ctx context.Context, i int, c cell, circuit fhe.Digest) error {
	start := time.Now()
	digest, err := m.evaluate(ctx, c)
	if err != nil {
		return fmt.Errorf("%v: %w", c, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Printf("%4d of %d: %v, %v\n", i+1, len(cells()), c, time.Since(start).Round(time.Millisecond))
	return m.book.enter(c, circuit, digest)
}

// network is a real key and its engine.
type network struct {
	secret *tfhe.SecretKey
	engine *tfhe.Engine
	zeros  *tfhe.Rerandomizer
	*radix.Evaluator
}

// newNetwork has the same keys in every run.
func newNetwork(p *tfhe.Params) *network {
	k := tfhe.NewSecretKey(p, tfhe.SeedFrom([32]byte{'m', 'a', 't', 'r', 'i', 'x'}))
	e := tfhe.NewEngine(k.EvaluationKey(nil), 0)
	e.Provide(tfhe.Random, func() (*tfhe.BootstrapKey, error) { return k.RandomKey(nil).BootstrapKey(), nil })
	return &network{k, e, tfhe.NewRerandomizer(k.PublicKey()), radix.NewEvaluator(*p, e)}
}

// evaluate computes a cell, checks the results and returns their digest.
func (n *network) evaluate(ctx context.Context, c cell) (fhe.Digest, error) {
	results, err := c.results(ctx, n.Evaluator, n.zeros, n.encrypt)
	if err != nil {
		return fhe.Digest{}, err
	}
	values := make([]*big.Int, len(results))
	for i, r := range results {
		if values[i], err = n.decrypt(r); err != nil {
			return fhe.Digest{}, fmt.Errorf("result %d: %w", i, err)
		}
	}
	return digest(results), c.check(values)
}
