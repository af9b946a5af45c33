package e2e

import (
	"bytes"
	"strings"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// token is a ConfidentialToken that alice deployed with her first transaction.
type token struct{ *node }

var (
	tokenABI     = parsed(contracts.ConfidentialToken)
	tokenAddress = crypto.CreateAddress(alice.Address, 0)
)

func parsed(a *contracts.Artifact) abi.ABI {
	out, err := abi.JSON(strings.NewReader(a.ABI))
	if err != nil {
		panic(err)
	}
	return out
}

// pack is calldata of a method that the test knows to exist.
func pack(a abi.ABI, method string, args ...any) []byte {
	b, err := a.Pack(method, args...)
	if err != nil {
		panic(err)
	}
	return b
}

// deployment is the transaction that creates the token.
func deployment() *types.Transaction {
	args := pack(tokenABI, "", "Confidential Dollar", "cUSD")
	return signed(alice, 0, nil, append(bytes.Clone(contracts.ConfidentialToken.Bytecode), args...))
}

func deploy(n *node) *token {
	n.t.Helper()
	if receipt := n.mine(deployment()); receipt.ContractAddress != tokenAddress {
		n.t.Fatalf("token is at %s, want %s", receipt.ContractAddress, tokenAddress)
	}
	return &token{n}
}

// order is calldata that mints or transfers an amount which is encrypted here.
func (k *token) order(method string, from account, to common.Address, amount uint64) []byte {
	k.t.Helper()
	in := k.encrypt(tokenAddress, from, u64(amount))
	return pack(tokenABI, method, to, in.Handles[0], in.Proof)
}

func (k *token) mint(to account, amount uint64) {
	k.t.Helper()
	k.send(alice, tokenAddress, k.order("mint", alice, to.Address, amount))
}

func (k *token) transfer(from, to account, amount uint64) {
	k.t.Helper()
	k.send(from, tokenAddress, k.order("transfer", from, to.Address, amount))
}

// read calls a view method that returns an encrypted value.
func (k *token) read(method string, args ...any) fhe.Handle {
	k.t.Helper()
	out, err := k.chain.CallContract(k.ctx, ethereum.CallMsg{To: &tokenAddress, Data: pack(tokenABI, method, args...)}, nil)
	k.must(err)
	return fhe.Handle(out)
}

func (k *token) balanceOf(a account) fhe.Handle {
	k.t.Helper()
	return k.read("confidentialBalanceOf", a.Address)
}

// reveal re-encrypts an account's balance to the account.
func (k *token) reveal(a account) (uint64, error) {
	k.t.Helper()
	values, err := k.wallet.UserDecrypt(k.ctx, k.permit(a, tokenAddress, k.balanceOf(a)))
	if err != nil {
		return 0, err
	}
	return values[0].Uint64(), nil
}

// supply opens the total supply of this moment, and has the token verify and
// publish it.
func (k *token) supply() (uint64, error) {
	k.t.Helper()
	k.send(alice, tokenAddress, pack(tokenABI, "requestTotalSupply"))
	result, err := k.wallet.PublicDecrypt(k.ctx, k.read("confidentialTotalSupply"))
	if err != nil {
		return 0, err
	}
	v, err := uint256.FromDecimal(result.Values[0])
	k.must(err)
	k.send(bob, tokenAddress, pack(tokenABI, "finalizeTotalSupply", v.Uint64(), []byte(result.Proof)))
	return v.Uint64(), nil
}

// ledger is what the token is a secret form of.
type ledger map[common.Address]uint64

func (l ledger) transfer(from, to common.Address, amount uint64) {
	if amount <= l[from] {
		l[from] -= amount
		l[to] += amount
	}
}

// check decrypts every balance of the ledger.
func (k *token) check(want ledger) {
	k.t.Helper()
	for _, a := range accounts {
		v, ok := want[a.Address]
		if !ok {
			continue
		}
		if got, err := k.reveal(a); err != nil || got != v {
			k.t.Errorf("balance of %s is %d, want %d: %v", a.Address, got, v, err)
		}
	}
}
