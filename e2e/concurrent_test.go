package e2e

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"golang.org/x/sync/errgroup"
)

// payment is a transfer whose amount only the test and its sender know.
type payment struct {
	from, to account
	amount   uint64
	tx       *types.Transaction
	receipt  *types.Receipt
}

// TestConcurrentSenders has two accounts pay each other and a third at the same
// time, without waiting for anything: one in the order of its nonces, the other
// in reverse. The balances are those of the order that the chain gave them.
func TestConcurrentSenders(t *testing.T) {
	k := deploy(startDev(t))
	k.mint(alice, 300)
	k.mint(bob, 300)
	ours, theirs := k.payments(alice, bob, carol), k.payments(bob, alice, carol)
	slices.Reverse(theirs)
	var senders errgroup.Group
	for _, list := range [][]*payment{ours, theirs} {
		senders.Go(func() error {
			for _, p := range list {
				if err := k.chain.SendTransaction(k.ctx, p.tx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	k.must(senders.Wait())
	all := append(ours, theirs...)
	for _, p := range all {
		var err error
		p.receipt, err = k.chain.TransactionReceipt(k.ctx, p.tx.Hash())
		k.must(err)
		if p.receipt.Status != types.ReceiptStatusSuccessful {
			t.Errorf("payment of %d reverted", p.amount)
		}
	}
	books := ledger{alice.Address: 300, bob.Address: 300, carol.Address: 0}
	slices.SortFunc(all, func(a, b *payment) int {
		return cmp.Or(a.receipt.BlockNumber.Cmp(b.receipt.BlockNumber), cmp.Compare(a.receipt.TransactionIndex, b.receipt.TransactionIndex))
	})
	for _, p := range all {
		books.transfer(p.from.Address, p.to.Address, p.amount)
	}
	k.check(books)
}

// payments are transfers of random amounts, of which some exceed the balance.
func (k *token) payments(from account, to ...account) (out []*payment) {
	k.t.Helper()
	nonce := k.nonce(from)
	for i := range uint64(4) {
		p := &payment{from: from, to: to[i%2], amount: rand.Uint64N(250)}
		p.tx = signed(from, nonce+i, &tokenAddress, k.order("transfer", from, p.to.Address, p.amount))
		out = append(out, p)
	}
	return out
}
