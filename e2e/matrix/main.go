// Command matrix runs every form of every operation on every type through a
// contract on a development node, from encrypted inputs to decrypted results, and
// compares the results with plain arithmetic. It records the cells that came out
// right in testdata/matrix.txt, a line for each with the bootstraps and layers that
// the chain counted, and leaves out those that have a line with the present ones:
// it can be stopped and started again. It begins with the cheap ones, and runs in
// its own folder, with the program that make build makes: make matrix-chain.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"time"

	"fhevm/threshold/permit"
)

const path = "testdata/matrix.txt"

func main() {
	log.SetFlags(0)
	only := flag.String("only", "", "run the cells that match this regular `expression`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	book, err := read(path)
	if err != nil {
		return err
	}
	n, err := start(ctx)
	if err != nil {
		return err
	}
	defer n.stop()
	var open []cell
	for _, c := range cells() {
		if pattern.MatchString(c.String()) && !book.has(c) {
			open = append(open, c)
		}
	}
	slices.SortStableFunc(open, func(a, b cell) int { return cmp.Compare(a.Cost().Bootstraps, b.Cost().Bootstraps) })
	for done := 0; done < len(open); {
		group := together(open[done:])
		begin := time.Now()
		if err := n.run(ctx, group); err != nil {
			return err
		}
		if err := book.enter(group); err != nil {
			return err
		}
		done += len(group)
		fmt.Printf("%4d of %d: %v and %d more, %v\n", done, len(open), group[0], len(group)-1, time.Since(begin).Round(time.Millisecond))
	}
	return nil
}

// most is how many bootstraps run at a time: minutes. A deep circuit's layers are
// narrow: only with others' do they fill the node's batches.
const most = 120_000

// together returns the cells that run at a time: as many as one request for their
// results may ask for, and no more work than the node has in a few minutes.
func together(cells []cell) []cell {
	handles, bits, bootstraps := 0, 0, 0
	for i, c := range cells {
		for _, t := range c.results() {
			handles, bits = handles+1, bits+t.Bits()
		}
		bootstraps += c.Cost().Bootstraps
		if i > 0 && (handles > permit.MaxHandles || bits > permit.MaxBits || bootstraps > most) {
			return cells[:i]
		}
	}
	return cells
}
