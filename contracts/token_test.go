package contracts

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
)

// token is a deployed ConfidentialToken; carol owns it.
type token struct {
	*network
	contract
}

func newToken(t testing.TB) token {
	n := newNetwork(t)
	return token{n, n.deploy(ConfidentialToken, "Token", "TKN")}
}

func (k token) mint(to common.Address, v uint64) {
	k.t.Helper()
	h, list := k.input(k.contract, carol, v)
	k.network.must(carol, k.contract, "mint", to, h, list)
}

func (k token) transfer(from, to common.Address, v uint64) *transaction {
	k.t.Helper()
	h, list := k.input(k.contract, from, v)
	return k.transaction(func(tx *transaction) { tx.must(from, k.contract, "transfer", to, h, list) })
}

func (k token) approve(holder, spender common.Address, v uint64) {
	k.t.Helper()
	h, list := k.input(k.contract, holder, v)
	k.network.must(holder, k.contract, "approve", spender, h, list)
}

func (k token) transferFrom(spender, from, to common.Address, v uint64) {
	k.t.Helper()
	h, list := k.input(k.contract, spender, v)
	k.network.must(spender, k.contract, "transferFrom", from, to, h, list)
}

// read returns the plaintext behind a getter, 0 if it was never set.
func (k token) read(method string, args ...any) uint64 {
	k.t.Helper()
	h := fhe.Handle(k.network.must(bob, k.contract, method, args...).([32]byte))
	if h.IsZero() {
		return 0
	}
	return k.values[h].Uint64()
}

func (k token) wantBalances(want map[common.Address]uint64) {
	k.t.Helper()
	for a, v := range want {
		if got := k.read("confidentialBalanceOf", a); got != v {
			k.t.Errorf("balance of %s is %d, want %d", a, got, v)
		}
	}
}

func TestTokenTransfer(t *testing.T) {
	k := newToken(t)
	k.mint(alice, 1000)
	k.transfer(alice, bob, 300)
	k.wantBalances(map[common.Address]uint64{alice: 700, bob: 300})
	k.transfer(alice, bob, 701) // more than there is: nothing moves
	k.wantBalances(map[common.Address]uint64{alice: 700, bob: 300})
	k.transfer(alice, alice, 700)
	k.transfer(carol, bob, 1) // never had any
	k.wantBalances(map[common.Address]uint64{alice: 700, bob: 300, carol: 0})
	k.transfer(bob, carol, 300)
	k.wantBalances(map[common.Address]uint64{alice: 700, bob: 0, carol: 300})
}

// TestTokenRights shows who may decrypt a balance: its holder, by way of the
// token, and nobody else.
func TestTokenRights(t *testing.T) {
	k := newToken(t)
	k.mint(alice, 1000)
	k.transfer(alice, bob, 300)
	k.transaction(func(tx *transaction) {
		for holder, other := range map[common.Address]common.Address{alice: bob, bob: alice} {
			balance := tx.handle(carol, k.contract, "confidentialBalanceOf", holder)
			tx.wantRights(rights{persistent: true}, balance, holder)
			tx.wantRights(rights{persistent: true}, balance, k.Address)
			tx.wantRights(rights{}, balance, other)
			tx.wantRights(rights{}, balance, carol)
			if tx.must(bob, k.acl, "isAllowedForDecryption", balance).(bool) {
				t.Error("a balance is public")
			}
		}
	})
}

func TestTokenMint(t *testing.T) {
	k := newToken(t)
	h, list := k.input(k.contract, alice, 1)
	k.network.fails(fmt.Sprintf("NotOwner(%s)", alice), alice, k.contract, "mint", alice, h, list)
	k.mint(alice, 5)
	k.mint(bob, ^uint64(0)-5)
	if got := k.read("confidentialTotalSupply"); got != ^uint64(0) {
		t.Errorf("supply is %d", got)
	}
	k.mint(alice, 1) // would overflow
	k.wantBalances(map[common.Address]uint64{alice: 5, bob: ^uint64(0) - 5})
	if got := k.read("confidentialTotalSupply"); got != ^uint64(0) {
		t.Errorf("supply is %d after a mint that overflows", got)
	}
}

// TestTokenHistory plays a random history against a model with public amounts.
func TestTokenHistory(t *testing.T) {
	k := newToken(t)
	r := rand.New(rand.NewPCG(3, 4))
	people := []common.Address{alice, bob, carol}
	balance := map[common.Address]uint64{}
	allowance := map[[2]common.Address]uint64{}
	for range 60 {
		a, b, c := people[r.IntN(3)], people[r.IntN(3)], people[r.IntN(3)]
		v := r.Uint64N(100)
		switch r.IntN(4) {
		case 0:
			k.mint(a, v)
			balance[a] += v
		case 1:
			k.transfer(a, b, v)
			if v <= balance[a] {
				balance[a] -= v
				balance[b] += v
			}
		case 2:
			k.approve(a, b, v)
			allowance[[2]common.Address{a, b}] = v
		case 3:
			k.transferFrom(b, a, c, v)
			if allowed := allowance[[2]common.Address{a, b}]; v <= allowed && v <= balance[a] {
				allowance[[2]common.Address{a, b}] -= v
				balance[a] -= v
				balance[c] += v
			}
		}
		k.wantBalances(balance)
		for pair, v := range allowance {
			if got := k.read("confidentialAllowance", pair[0], pair[1]); got != v {
				t.Errorf("allowance of %s to %s is %d, want %d", pair[0], pair[1], got, v)
			}
		}
	}
}

func TestTokenTakesOnlyTheSendersInputs(t *testing.T) {
	k := newToken(t)
	k.mint(alice, 10)
	h, list := k.input(k.contract, alice, 4)
	k.network.fails(fmt.Sprintf("FHE input: input is bound to user %s, not %s: encrypt it for the account that sends the transaction",
		fhe.Address(alice), fhe.Address(bob)), bob, k.contract, "transfer", bob, h, list)
	balance := k.network.must(bob, k.contract, "confidentialBalanceOf", alice).([32]byte)
	k.network.fails(fmt.Sprintf("SenderNotAllowedToUseHandle(%s, %s)", fhe.Handle(balance), bob), bob, k.contract, "transfer", bob, balance, []byte{})
	// Alice may move her whole balance by its handle, without a proof.
	k.network.must(alice, k.contract, "transfer", bob, balance, []byte{})
	k.wantBalances(map[common.Address]uint64{alice: 0, bob: 10})
}

func TestTokenPublishesSupply(t *testing.T) {
	k := newToken(t)
	sign := func(v uint64) []byte {
		d := aDecryption()
		supply := k.network.must(bob, k.contract, "confidentialTotalSupply").([32]byte)
		d.handles, d.result = [][32]byte{supply}, common.BigToHash(new(big.Int).SetUint64(v)).Bytes()
		return d.proof(d.signatures(t, k.members[:3]...)...)
	}
	finalize := func(want string, v uint64, proof []byte) {
		t.Helper()
		k.network.fails(want, bob, k.contract, "finalizeTotalSupply", v, proof)
	}
	k.mint(alice, 1000)
	proof := sign(1000)
	finalize("TotalSupplyNotRequested()", 1000, proof)
	k.network.fails(fmt.Sprintf("NotOwner(%s)", bob), bob, k.contract, "requestTotalSupply")
	k.network.must(carol, k.contract, "requestTotalSupply")
	supply := k.network.must(bob, k.contract, "confidentialTotalSupply").([32]byte)
	if !k.network.must(bob, k.acl, "isAllowedForDecryption", supply).(bool) {
		t.Error("the requested supply is not public")
	}
	finalize("EmptyDecryptionProof()", 1000, nil)

	tx := k.transaction(func(tx *transaction) { tx.must(bob, k.contract, "finalizeTotalSupply", uint64(1000), proof) })
	if got := k.network.must(bob, k.contract, "publishedTotalSupply"); got != uint64(1000) {
		t.Errorf("published %v", got)
	}
	verified := k.contract.events(t, tx.logs, "PublicDecryptionVerified")
	if len(verified) != 1 || fmt.Sprint(verified[0]["handlesList"]) != fmt.Sprint([][32]byte{supply}) {
		t.Errorf("events %v", verified)
	}
	finalize("TotalSupplyNotRequested()", 1000, proof) // replay

	k.mint(alice, 1)
	k.network.must(carol, k.contract, "requestTotalSupply")
	if _, err := k.finalize(1000, proof); err == nil {
		t.Error("the proof of an older supply was accepted")
	}
	if _, err := k.finalize(1002, sign(1001)); err == nil {
		t.Error("a value that nobody signed was accepted")
	}
	if _, err := k.finalize(1001, sign(1001)); err != nil {
		t.Error(err)
	}
}

func (k token) finalize(v uint64, proof []byte) (out []any, err error) {
	k.transaction(func(tx *transaction) { out, err = tx.call(bob, k.contract, "finalizeTotalSupply", v, proof) })
	return out, err
}

// transferGas is what a transfer between two holders of an amount that has a
// handle already costs the contracts: the system's, the token and the library,
// without the transaction's base cost, an input proof and the operations' charge.
const transferGas = 200_000

// TestTransferGas holds a transfer to its price.
func TestTransferGas(t *testing.T) {
	k := newToken(t)
	k.mint(alice, 1000)
	k.mint(bob, 1000)
	all := k.network.must(bob, k.contract, "confidentialBalanceOf", alice).([32]byte)
	tx := k.transaction(func(tx *transaction) { tx.must(alice, k.contract, "transfer", bob, all, []byte{}) })
	k.wantBalances(map[common.Address]uint64{alice: 0, bob: 2000})
	got := tx.gas - k.orderedGas(tx.logs)
	t.Logf("%d gas", got)
	if got > transferGas {
		t.Errorf("a transfer takes %d gas, want at most %d", got, transferGas)
	}
}

// BenchmarkTransfer reports the gas of a transfer between two holders: of the
// contracts, of the ordered operations, and of the whole transaction.
func BenchmarkTransfer(b *testing.B) {
	k := newToken(b)
	k.mint(alice, 1000)
	k.mint(bob, 1000)
	for b.Loop() {
		h, list := k.input(k.contract, alice, 1)
		tx := k.transaction(func(tx *transaction) { tx.must(alice, k.contract, "transfer", bob, h, list) })
		calldata, err := k.contract.abi.Pack("transfer", bob, h, list)
		if err != nil {
			b.Fatal(err)
		}
		rules := k.config.ChainConfig.Rules(k.config.BlockNumber, true, 0)
		intrinsic, err := core.IntrinsicGas(calldata, nil, nil, alice, &k.Address, nil, rules)
		if err != nil {
			b.Fatal(err)
		}
		ordered := k.orderedGas(tx.logs)
		b.ReportMetric(float64(tx.gas-ordered), "contract-gas/op")
		b.ReportMetric(float64(ordered), "fhe-gas/op")
		b.ReportMetric(float64(tx.gas+intrinsic), "gas/op")
	}
}
