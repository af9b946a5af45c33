// Command matrix evaluates every form of every operation on every type with real
// keys, compares the results with plain arithmetic, and records their digests in
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
	"os"
	"os/signal"
	"regexp"
	"time"

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
	n := newNetwork()
	defer n.engine.Close()
	for i, c := range cells() {
		print := c.circuit(ctx)
		if !pattern.MatchString(c.String()) || !again && book.has(c, print) {
			continue
		}
		start := time.Now()
		digest, err := n.evaluate(ctx, c)
		if err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
		fmt.Printf("%4d of %d: %v, %v\n", i+1, len(cells()), c, time.Since(start).Round(time.Millisecond))
		if err := book.enter(c, print, digest); err != nil {
			return err
		}
	}
	return nil
}

// network is a real key and its engine.
type network struct {
	secret *tfhe.SecretKey
	engine *tfhe.Engine
	*radix.Evaluator
}

// newNetwork has the same keys in every run.
func newNetwork() *network {
	k := tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{'m', 'a', 't', 'r', 'i', 'x'}))
	e := tfhe.NewEngine(k.EvaluationKey(nil), 0)
	return &network{k, e, radix.NewEvaluator(tfhe.Default, e)}
}

// evaluate computes a cell, checks the results and returns their digest.
func (n *network) evaluate(ctx context.Context, c cell) (fhe.Digest, error) {
	results, err := c.results(ctx, n.Evaluator, n.encrypt)
	if err != nil {
		return fhe.Digest{}, err
	}
	for i, want := range c.expected() {
		if got := n.decrypt(results[i]); got.Cmp(want) != 0 {
			return fhe.Digest{}, fmt.Errorf("result %d is %d, want %d", i, got, want)
		}
	}
	return digest(results), nil
}
