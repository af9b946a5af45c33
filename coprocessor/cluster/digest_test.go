package cluster

import (
	"math/rand/v2"
	"testing"

	"fhevm/coprocessor"
	"fhevm/fhe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestDigestsDependOnNothing runs a program with its grants in another order and
// place, on one machine, on clusters of several sizes, and on both in turn with
// restarts between. Every ciphertext is the same.
func TestDigestsDependOnNothing(t *testing.T) {
	for seed := range uint64(4) {
		dependsOnNothing(t, seed)
	}
}

func dependsOnNothing(t *testing.T, seed uint64) {
	log := program(500 + seed)
	want := alone(t, log)
	for variant := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, variant))
		mixed := *log
		mixed.Blocks = shuffleWants(r, log.Blocks)
		s := startServer(t)
		disk := vfs.NewMem()
		for next := 0; next < len(mixed.Blocks); {
			h := lead(t, s.URL(), disk, func(c *coprocessor.Config) { c.ClusterOnly, c.Workers = r.IntN(2) == 0, 1+r.IntN(8) })
			var hands []*hand
			for range 1 + r.IntN(3) {
				hands = append(hands, work(t, s.URL(), newEvaluator(), func(c *WorkerConfig) { c.Tasks = 1 + r.IntN(4) }))
			}
			step := min(len(mixed.Blocks)-next, 1+r.IntN(4))
			h.feed(t, mixed.Blocks[next:next+step]...)
			if next += step; next == len(mixed.Blocks) {
				h.drain(t)
				h.check(t, &mixed, want)
			}
			h.stop()
			for _, w := range hands {
				w.stop(t)
			}
		}
	}
}

// shuffleWants moves each want to some later block.
func shuffleWants(r *rand.Rand, blocks []fhe.Batch) []fhe.Batch {
	out := make([]fhe.Batch, len(blocks))
	for i, b := range blocks {
		out[i].Number, out[i].Hash = b.Number, b.Hash
	}
	for i, b := range blocks {
		for _, e := range b.Entries {
			at := i
			if e.Wanted != nil {
				at += r.IntN(len(blocks) - i)
			}
			out[at].Entries = append(out[at].Entries, e)
		}
	}
	return out
}
