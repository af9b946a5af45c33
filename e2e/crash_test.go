package e2e

import (
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/sdk"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// state is what a node tells of every handle.
type state map[fhe.Handle]sdk.HandleStatus

// settled waits until nothing is left to compute, for as long as that gets less, and
// returns the state of the given handles.
func (n *node) settled(handles []fhe.Handle) state {
	n.t.Helper()
	for last, left := handles[len(handles)-1], 0; n.status(last, 5*time.Minute).State != "ready"; {
		before := left
		if left = n.health().Missing; before != 0 && left >= before {
			n.t.Fatalf("%d ciphertexts are missing, as 5 minutes ago; handle %s is %+v", left, last, n.status(last, 0))
		}
	}
	n.await("the coprocessor to finish", func() bool {
		h := n.health()
		return h.Missing == 0 && h.Running == 0
	})
	out := state{}
	for _, h := range handles {
		out[h] = *n.status(h, 0)
	}
	return out
}

// digests counts the ciphertexts of a state.
func (s state) digests() (n int) {
	for _, h := range s {
		if h.Digest != nil {
			n++
		}
	}
	return n
}

// handlesIn lists the results of all operations that a receipt orders.
func handlesIn(r *types.Receipt) (out []fhe.Handle) {
	for _, l := range r.Logs {
		if l.Address == common.Address(contracts.ExecutorAddress) {
			out = append(out, fhe.Handle(l.Topics[2]))
		}
	}
	return out
}

// history is a fixed list of transactions: the same bytes, and therefore the
// same handles, on every network with the same keys. The ledger is where it
// ends.
func history(k *token) ([]*types.Transaction, ledger) {
	k.t.Helper()
	end := ledger{}
	txs, nonces := []*types.Transaction{deployment()}, map[account]uint64{alice: 1}
	add := func(method string, from, to account, amount uint64) {
		txs = append(txs, signed(from, nonces[from], &tokenAddress, k.order(method, from, to.Address, amount)))
		nonces[from]++
		if method == "mint" {
			end[to.Address] += amount
		} else {
			end.transfer(from.Address, to.Address, amount)
		}
	}
	add("mint", alice, alice, 1000)
	add("transfer", alice, bob, 300)
	add("transfer", alice, bob, 10_000)
	add("transfer", bob, carol, 299)
	add("mint", alice, bob, 5)
	add("transfer", carol, alice, 99)
	add("transfer", bob, bob, 6)
	return txs, end
}

// play mines transactions and returns the handles that they make, in order.
func (n *node) play(txs []*types.Transaction) (out []fhe.Handle) {
	n.t.Helper()
	for _, tx := range txs {
		receipt := n.mine(tx)
		if receipt.Status != types.ReceiptStatusSuccessful {
			n.t.Fatalf("transaction %s reverted", tx.Hash())
		}
		out = append(out, handlesIn(receipt)...)
	}
	return out
}

// TestCoprocessorKilled: whatever work a kill interrupts, every ciphertext ends
// up with the bytes that it has where nothing was interrupted.
func TestCoprocessorKilled(t *testing.T) {
	calm := &token{startDev(t)}
	txs, end := history(calm)
	handles := calm.play(txs)
	want := calm.settled(handles)
	calm.stop()

	data := t.TempDir()
	first, second := txs[:len(txs)/2], txs[len(txs)/2:]
	n := startDev(t, "--data", data, "--workers", "1")
	got := n.play(first)
	n.killAtWork(10)
	n = startDev(t, "--data", data, "--workers", "1")
	got = append(got, n.play(second)...)
	n.killAtWork(30)
	n = startDev(t, "--data", data)
	if !slices.Equal(got, handles) {
		t.Fatalf("the same transactions make other handles:\n%v\n%v", got, handles)
	}
	state := n.settled(handles)
	for _, h := range handles {
		if !reflect.DeepEqual(state[h], want[h]) {
			t.Errorf("after kills handle is\n%+v, undisturbed\n%+v", state[h], want[h])
		}
	}
	if state.digests() < 20 {
		t.Errorf("only %d ciphertexts of %d handles were compared", state.digests(), len(handles))
	}
	(&token{n}).check(end)
}

// killAtWork kills the node once it has done some bootstraps and is in the
// middle of more.
func (n *node) killAtWork(after uint64) {
	n.t.Helper()
	n.await("bootstraps to be running", func() bool {
		h := n.health()
		if h.Missing == 0 && h.Bootstraps > 0 {
			n.t.Fatalf("the work was done before the kill, after %d bootstraps", h.Bootstraps)
		}
		return h.Running > 0 && h.Bootstraps >= after
	})
	n.kill()
}

// witness remembers what a node acknowledged, to hold it to after a crash.
type witness struct {
	receipts map[common.Hash]*types.Receipt
	digests  map[fhe.Handle]fhe.Digest
	head     *types.Header
}

// TestNodeKilled kills a node again and again at moments that nothing chose,
// under a stream of transfers. What it said before, it says afterwards.
func TestNodeKilled(t *testing.T) {
	data := t.TempDir()
	k := deploy(startDev(t, "--data", data))
	k.mint(alice, 1000)
	want := ledger{alice.Address: 1000}
	w := &witness{receipts: map[common.Hash]*types.Receipt{}, digests: map[fhe.Handle]fhe.Digest{}}
	for round := range 3 {
		txs := stream(k, 4, uint64(round)+1)
		time.AfterFunc(time.Duration(rand.N(600))*time.Millisecond, func() { k.cmd.Process.Kill() })
		w.watch(k, txs)
		<-k.done
		t.Logf("killed when %d receipts and %d digests were out", len(w.receipts), len(w.digests))
		k = &token{startDev(t, "--data", data)}
		w.check(k)
		for _, tx := range txs {
			if r, err := k.chain.TransactionReceipt(k.ctx, tx.Hash()); err == nil && r.Status == types.ReceiptStatusSuccessful {
				want.transfer(alice.Address, bob.Address, uint64(round)+1)
			}
		}
		k.check(ledger{alice.Address: want[alice.Address]})
	}
	k.transfer(alice, bob, 10)
	want.transfer(alice.Address, bob.Address, 10)
	k.check(want)
	w.check(k)
}

// stream is a number of transfers of one amount from alice to bob.
func stream(k *token, count int, amount uint64) (out []*types.Transaction) {
	k.t.Helper()
	nonce := k.nonce(alice)
	for i := range count {
		out = append(out, signed(alice, nonce+uint64(i), &tokenAddress, k.order("transfer", alice, bob.Address, amount)))
	}
	return out
}

// watch sends transactions and records what the node says, until it says no
// more.
func (w *witness) watch(k *token, txs []*types.Transaction) {
	for _, tx := range txs {
		if k.chain.SendTransaction(k.ctx, tx) != nil {
			return
		}
		receipt, err := k.chain.TransactionReceipt(k.ctx, tx.Hash())
		if err != nil {
			return
		}
		w.receipts[tx.Hash()] = receipt
		if head, err := k.chain.HeaderByNumber(k.ctx, nil); err == nil {
			w.head = head
		}
		for _, r := range w.receipts {
			for _, h := range handlesIn(r) {
				if s, err := k.wallet.Handle(k.ctx, h, 0); err == nil && s.Digest != nil {
					w.digests[h] = *s.Digest
				}
			}
		}
	}
}

// check holds a node to what was recorded.
func (w *witness) check(k *token) {
	k.t.Helper()
	for hash, want := range w.receipts {
		got, err := k.chain.TransactionReceipt(k.ctx, hash)
		if err != nil || !reflect.DeepEqual(got, want) {
			k.t.Errorf("receipt of %s is\n%+v, %v, before the kill\n%+v", hash, got, err, want)
		}
	}
	if w.head != nil {
		got, err := k.chain.HeaderByNumber(k.ctx, w.head.Number)
		if err != nil || got.Hash() != w.head.Hash() {
			k.t.Errorf("block %d is not the one before the kill: %v", w.head.Number, err)
		}
	}
	for h, want := range w.digests {
		if got := k.ready(h); got != want {
			k.t.Errorf("digest of %s is %s, before the kill %s", h, got, want)
		}
	}
	k.consistent()
}

// consistent checks that the chain is one chain up to its head, and that the
// store agrees with it: everything that the head's balances need gets computed.
func (k *token) consistent() {
	k.t.Helper()
	head := k.head()
	for h := head; h.Number.Sign() > 0; {
		parent, err := k.chain.HeaderByHash(k.ctx, h.ParentHash)
		k.must(err)
		h = parent
	}
	final, err := k.chain.HeaderByNumber(k.ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
	k.must(err)
	if final.Hash() != head.Hash() {
		k.t.Errorf("the head is block %d, the final block is %d", head.Number, final.Number)
	}
	for _, a := range []account{alice, bob} {
		if h := k.balanceOf(a); !h.IsZero() {
			k.ready(h)
		}
	}
}
