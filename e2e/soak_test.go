//go:build soak

package e2e

import (
	"bytes"
	"flag"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/sdk"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// How long TestSoak disturbs a cluster, see make soak, and the seed of what it does.
var (
	soak = flag.Duration("soak", 15*time.Minute, "how long to disturb a cluster")
	seed = flag.Uint64("seed", 0, "draws the transfers, and what is done to whom when; 0 draws itself")
)

// backlog is the number of missing ciphertexts at which no more transfers are sent: on a
// slow machine the end would be long in coming.
const backlog = 40

// TestSoak sends transfers for as long as -soak says while the processes of a cluster are
// killed and stopped, its networks fail and its disk is damaged, and then has a node that
// works alone do the same.
func TestSoak(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(rand.Uint32())
	}
	t.Logf("-seed %d", *seed)
	chance := rand.New(rand.NewPCG(*seed, 0))
	f := startFleet(t, 3, "--cross-check", "0.1", "--max-delay", "0s")
	txs := []*types.Transaction{deployment()}
	handles := f.play(txs)
	send := func(method string, amount uint64) {
		k := &token{f.node}
		tx := signed(alice, uint64(len(txs)), &tokenAddress, k.order(method, alice, bob.Address, amount))
		txs = append(txs, tx)
		handles = append(handles, k.play(txs[len(txs)-1:])...)
	}
	send("mint", 1<<40)
	for stop := time.Now().Add(*soak); time.Now().Before(stop); {
		for range 1 + chance.IntN(6) {
			if amount := chance.Uint64N(1000); f.health().Missing < backlog {
				send("transfer", amount)
			}
		}
		time.Sleep(time.Duration(chance.IntN(3000)) * time.Millisecond)
		t.Logf("after %d transactions: %s", len(txs), f.disturb(chance))
	}
	f.calm()
	got := f.settled(handles)
	t.Logf("%v late reports since the node began", f.metric("fhevm_cluster_late_reports_total"))
	f.stop()
	calm := startDev(t)
	if again := calm.play(txs); !slices.Equal(again, handles) {
		t.Fatal("the same transactions make other handles")
	}
	want := calm.settled(handles)
	calm.forgive(got, want)
	calm.compare(got, want)
	t.Logf("%d transactions, %d ciphertexts", len(txs), got.digests())
}

// forgive takes out of both states what damage may have cost a cluster: what was computed
// on the way to something else, and is granted to nobody, is not computed again.
func (n *node) forgive(got, want state) {
	n.t.Helper()
	logs, err := n.chain.FilterLogs(n.ctx, ethereum.FilterQuery{FromBlock: new(big.Int), Addresses: []common.Address{common.Address(contracts.ACLAddress)}})
	n.must(err)
	if len(logs) == 0 {
		n.t.Fatal("nothing is granted")
	}
	maps.DeleteFunc(want, func(h fhe.Handle, _ sdk.HandleStatus) bool {
		granted := slices.ContainsFunc(logs, func(l types.Log) bool { return bytes.Contains(l.Data, h[:]) })
		return !granted && got[h].State == "unwanted"
	})
}
