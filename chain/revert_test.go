package chain

import (
	"context"
	"errors"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// rpcCall calls a method that must succeed and returns its result.
func rpcCall[T any](t testing.TB, n *Node, method string, args ...any) (out T) {
	t.Helper()
	if err := n.Client().Client().CallContext(ctx, &out, method, args...); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return out
}

func takeSnapshot(t testing.TB, n *Node) string { return rpcCall[string](t, n, "evm_snapshot") }

func revertTo(t testing.TB, n *Node, id string) {
	t.Helper()
	if !rpcCall[bool](t, n, "evm_revert", id) {
		t.Fatalf("snapshot %s is not there", id)
	}
}

func head(t testing.TB, n *Node) *types.Header {
	t.Helper()
	h, err := n.Client().HeaderByNumber(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func isMissing(err error) bool { return errors.Is(err, ethereum.NotFound) }

// indexed asks for a transaction until the chain has indexed its blocks: it does so
// behind them, and does not say meanwhile that one is missing.
func indexed[T any](ask func(context.Context, common.Hash) (T, error), hash common.Hash) (T, error) {
	for {
		v, err := ask(ctx, hash)
		if err == nil || !strings.Contains(err.Error(), "indexing is in progress") {
			return v, err
		}
		runtime.Gosched()
	}
}

// After a revert everything is as it was, and nobody finds what was undone.
func TestRevert(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			n := open(t, dir)
			w := newWallet(t, n, 0)
			token := w.deployToken()
			before, id := head(t, n), takeSnapshot(t, n)
			var undone []*types.Receipt
			for range 3 {
				r, _, _ := w.mint(token, w.Address)
				undone = append(undone, r)
			}
			revertTo(t, n, id)
			if got := head(t, n); got.Hash() != before.Hash() {
				t.Errorf("the head is block %d after the revert, want %d", got.Number, before.Number)
			}
			for _, tag := range []rpc.BlockNumber{rpc.FinalizedBlockNumber, rpc.SafeBlockNumber} {
				if got, err := w.client.HeaderByNumber(ctx, big.NewInt(int64(tag))); err != nil || got.Hash() != before.Hash() {
					t.Errorf("block %s is %v, %v", tag, got, err)
				}
			}
			checkUndone(t, n, undone)
			if nonce, err := w.client.PendingNonceAt(ctx, w.Address); err != nil || nonce != before.Number.Uint64() {
				t.Errorf("the pending nonce is %d, %v, want %d", nonce, err, before.Number)
			}
			w = newWallet(t, n, 0)
			r, _, _ := w.mint(token, w.Address)
			if r.BlockNumber.Uint64() != before.Number.Uint64()+1 {
				t.Errorf("the next block is %d", r.BlockNumber)
			}
			logs, err := w.client.FilterLogs(ctx, ethereum.FilterQuery{FromBlock: new(big.Int), Addresses: []common.Address{token}})
			if err != nil || len(logs) == 0 || logs[len(logs)-1].BlockHash != r.BlockHash {
				t.Errorf("logs are %v, %v", logs, err)
			}
			checkUndone(t, n, undone)
		})
	}
}

// checkUndone demands that neither blocks nor transactions nor logs are found.
func checkUndone(t *testing.T, n *Node, undone []*types.Receipt) {
	t.Helper()
	client := n.Client()
	for _, r := range undone {
		if h, err := client.HeaderByHash(ctx, r.BlockHash); !isMissing(err) {
			t.Errorf("undone block %d is there by its hash: %v, %v", r.BlockNumber, h, err)
		}
		if b, err := client.BlockByNumber(ctx, r.BlockNumber); err == nil && b.Hash() == r.BlockHash {
			t.Errorf("undone block %d is there by its number", r.BlockNumber)
		}
		transaction := func(ctx context.Context, hash common.Hash) (*types.Transaction, error) {
			tx, _, err := client.TransactionByHash(ctx, hash)
			return tx, err
		}
		if got, err := indexed(client.TransactionReceipt, r.TxHash); !isMissing(err) {
			t.Errorf("an undone transaction has receipt %v, %v", got, err)
		}
		if tx, err := indexed(transaction, r.TxHash); !isMissing(err) {
			t.Errorf("an undone transaction is there: %v, %v", tx, err)
		}
		if logs, err := client.FilterLogs(ctx, ethereum.FilterQuery{BlockHash: &r.BlockHash}); err == nil {
			t.Errorf("an undone block has logs %v", logs)
		}
	}
}

// Whatever follows a revert is another block, though it may have the same
// parent, transactions and time as an undone one.
func TestUndoneBlockNeverComesBack(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir)
	w := newWallet(t, n, 0)
	tx := w.sign(&nowhere, new(big.Int), nil, 21_000)
	at := head(t, n).Time + 1_000_000_000
	seen := map[common.Hash]bool{}
	again := func() {
		t.Helper()
		rpcCall[any](t, n, "evm_setNextBlockTimestamp", at)
		if err := n.Client().SendTransaction(ctx, tx); err != nil {
			t.Fatal(err)
		}
		h := head(t, n)
		if seen[h.Hash()] || h.Number.Uint64() != 1 || h.Time != at {
			t.Errorf("block %d of time %d is %s again", h.Number, h.Time, h.Hash())
		}
		seen[h.Hash()] = true
	}
	for range 3 {
		id := takeSnapshot(t, n)
		again()
		revertTo(t, n, id)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = open(t, dir)
	again()
}

// A snapshot serves once, and takes those after it along.
func TestSnapshotIDs(t *testing.T) {
	n := open(t, "")
	revert := func(id string) bool { return rpcCall[bool](t, n, "evm_revert", id) }
	first, second, third := takeSnapshot(t, n), takeSnapshot(t, n), takeSnapshot(t, n)
	if first != "0x1" || second != "0x2" || third != "0x3" {
		t.Errorf("ids are %s, %s, %s", first, second, third)
	}
	if revert("0x4") || revert("0x0") {
		t.Error("a snapshot that was never taken is there")
	}
	if !revert(second) || revert(second) || revert(third) || !revert(first) || revert(first) {
		t.Error("a snapshot serves more than once, or not at all, or outlives an earlier one")
	}
	if id := takeSnapshot(t, n); id != "0x4" {
		t.Errorf("the next id is %s", id)
	}
}

// What waited at the snapshot waits again; what came later is gone.
func TestRevertOfThePool(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	missing, waits, late := w.sign(&nowhere, new(big.Int), nil, 21_000), w.sign(&nowhere, new(big.Int), nil, 21_000), w.sign(&nowhere, new(big.Int), nil, 21_000)
	send := func(tx *types.Transaction) {
		t.Helper()
		if err := n.Client().SendTransaction(ctx, tx); err != nil {
			t.Fatal(err)
		}
	}
	send(waits)
	id := takeSnapshot(t, n)
	send(late)
	send(missing)
	if h := head(t, n); h.Number.Uint64() != 1 {
		t.Fatalf("the head is %d", h.Number)
	}
	revertTo(t, n, id)
	if got := rpcCall[map[string]string](t, n, "txpool_status"); got["pending"] != "0x0" || got["queued"] != "0x1" {
		t.Errorf("the pool has %v", got)
	}
	send(missing)
	if r := w.receipt(waits.Hash()); r.BlockNumber.Uint64() != 1 {
		t.Errorf("the transaction that waited is in block %d", r.BlockNumber)
	}
	if _, err := indexed(n.Client().TransactionReceipt, late.Hash()); !isMissing(err) {
		t.Errorf("the later transaction: %v", err)
	}
}

// Time goes on from the snapshot.
func TestRevertOfTime(t *testing.T) {
	n := open(t, "")
	rpcCall[any](t, n, "evm_mine")
	start := head(t, n).Time
	id := takeSnapshot(t, n)
	rpcCall[any](t, n, "evm_increaseTime", 1_000_000)
	rpcCall[any](t, n, "evm_mine")
	if got := head(t, n).Time; got < start+1_000_000 {
		t.Errorf("after a million seconds %d have passed", got-start)
	}
	revertTo(t, n, id)
	rpcCall[any](t, n, "evm_mine")
	if got := head(t, n).Time; got >= start+500_000 {
		t.Errorf("after the revert %d seconds have passed", got-start)
	}
}

// A subscription outlives a revert, and tells of each block once.
func TestSubscriptionsAcrossReverts(t *testing.T) {
	n := open(t, "")
	socket, err := ethclient.Dial("ws://" + listen(t, n))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	w := newWallet(t, n, 0)
	token := w.deployToken()
	logs := make(chan types.Log, 1000)
	sub, err := socket.SubscribeFilterLogs(ctx, ethereum.FilterQuery{Addresses: []common.Address{token}}, logs)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	id := takeSnapshot(t, n)
	for range 3 {
		w = newWallet(t, n, 0)
		r, _, _ := w.mint(token, w.Address)
		for range logsOf(r, token) {
			select {
			case l := <-logs:
				if l.BlockHash != r.BlockHash || l.Removed {
					t.Errorf("a log of block %s comes, want %s", l.BlockHash, r.BlockHash)
				}
			case <-time.After(5 * time.Minute):
				t.Fatal("a log does not come")
			}
		}
		revertTo(t, n, id)
		id = takeSnapshot(t, n)
	}
}

func logsOf(r *types.Receipt, at common.Address) (out []*types.Log) {
	for _, l := range r.Logs {
		if l.Address == at {
			out = append(out, l)
		}
	}
	return out
}

// Blocks that a killed process was undoing are undone by the next, whatever of it
// had reached the disk.
func TestInterruptedUndoing(t *testing.T) {
	for name, interrupt := range map[string]func(*Node){
		"before the head moved": func(*Node) {},
		"after the head moved": func(n *Node) {
			db, hash := n.eth.ChainDb(), n.eth.BlockChain().GetHeaderByNumber(2).Hash()
			rawdb.WriteHeadBlockHash(db, hash)
			rawdb.WriteHeadHeaderHash(db, hash)
			rawdb.WriteHeadFastBlockHash(db, hash)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			n := open(t, dir)
			w := newWallet(t, n, 0)
			var undone []*types.Receipt
			for i := range 6 {
				if r := w.send(&nowhere, nil, 21_000); i >= 2 {
					undone = append(undone, r)
				}
			}
			if err := (undoing{count: 1, target: 2, open: true}).write(n.eth.ChainDb()); err != nil {
				t.Fatal(err)
			}
			interrupt(n)
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = open(t, dir)
			if h := head(t, n); h.Number.Uint64() != 2 {
				t.Errorf("the head is block %d", h.Number)
			}
			checkUndone(t, n, undone)
			if r := newWallet(t, n, 1).send(&nowhere, nil, 21_000); r.BlockNumber.Uint64() != 3 || r.BlockHash == undone[0].BlockHash {
				t.Errorf("the next block is %d, %s", r.BlockNumber, r.BlockHash)
			}
			checkUndone(t, n, undone)
		})
	}
}

func TestRevertOnAClosedNode(t *testing.T) {
	n := open(t, "")
	id := takeSnapshot(t, n)
	newWallet(t, n, 0).send(&nowhere, nil, 21_000)
	n.sealer.stop()
	if err := n.Client().Client().CallContext(ctx, nil, "evm_revert", id); err == nil || err.Error() != errClosed.Error() {
		t.Errorf("reverting gives %v", err)
	}
}

func FuzzUndoing(f *testing.F) {
	f.Add(undoing{1, 2, true}.encode())
	f.Add(undoing{}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if u, err := parseUndoing(b); err == nil && string(u.encode()) != string(b) {
			t.Errorf("%x is read as %+v", b, u)
		}
	})
}
