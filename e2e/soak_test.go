//go:build soak

package e2e

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
)

// How long TestSoak disturbs a cluster, see make soak, and the seed of what it does.
var (
	soak = flag.Duration("soak", 15*time.Minute, "how long to disturb a cluster")
	seed = flag.Uint64("seed", 1, "draws the transfers, and what is killed when")
)

// TestSoak sends transfers for as long as -soak says while workers and the leader are
// killed, and then has a node that works alone do the same.
func TestSoak(t *testing.T) {
	chance := rand.New(rand.NewPCG(*seed, 0))
	data := t.TempDir()
	n := startLeader(t, data, "--cross-check", "0.1", "--max-delay", "0s")
	workers := []*process{startWorker(n), startWorker(n), startWorker(n)}
	k := &token{n}
	txs := []*types.Transaction{deployment()}
	handles := n.play(txs)
	send := func(method string, amount uint64) {
		tx := signed(alice, uint64(len(txs)), &tokenAddress, k.order(method, alice, bob.Address, amount))
		txs = append(txs, tx)
		handles = append(handles, k.play(txs[len(txs)-1:])...)
	}
	send("mint", 1<<40)
	for round, stop := 0, time.Now().Add(*soak); time.Now().Before(stop); round++ {
		for range 1 + chance.IntN(6) {
			send("transfer", chance.Uint64N(1000))
		}
		time.Sleep(time.Duration(chance.IntN(3000)) * time.Millisecond)
		if chance.IntN(6) > 0 {
			replace(n, workers, chance)
			continue
		}
		n.kill()
		n = startLeader(t, data, "--cross-check", "0.1", "--max-delay", "0s")
		k = &token{n}
		for i := range workers { // the port is another
			workers[i].kill()
			workers[i] = startWorker(n)
		}
		t.Logf("round %d: %d transactions", round, len(txs))
	}
	got := n.settled(handles)
	n.stop()
	calm := startDev(t)
	if again := calm.play(txs); !slices.Equal(again, handles) {
		t.Fatal("the same transactions make other handles")
	}
	calm.compare(got, calm.settled(handles))
	t.Logf("%d transactions, %d ciphertexts", len(txs), got.digests())
}
