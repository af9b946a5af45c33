package e2e

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/sdk"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// bench is a node with a token on which a test does bad things. Among and after
// them, transfers between bystanders must still work.
type bench struct {
	*token
	books ledger
	tried int // calls that reverted
}

func newBench(t *testing.T) *bench {
	b := &bench{token: deploy(startDev(t)), books: ledger{}}
	b.mint(alice, 1000)
	b.books[alice.Address] = 1000
	return b
}

// works makes a transfer and waits for it to be computed.
func (b *bench) works(after string) {
	b.t.Helper()
	b.t.Log(after)
	b.transfer(alice, bob, 1)
	b.books.transfer(alice.Address, bob.Address, 1)
	b.ready(b.balanceOf(alice))
	b.ready(b.balanceOf(bob))
}

// reverts checks that a call fails with an explanation that has all the wanted
// parts, and that it fails as harmlessly when it is mined all the same.
func (b *bench) reverts(name string, from account, to common.Address, data []byte, want ...string) {
	b.t.Helper()
	err := b.refusal(from, to, data)
	for _, part := range want {
		if err == nil || !strings.Contains(err.Error(), part) {
			b.t.Errorf("%s: got %v, want %q", name, err, part)
		}
	}
	if r := b.mine(signed(from, b.nonce(from), &to, data)); r.Status != types.ReceiptStatusFailed || len(r.Logs) != 0 {
		b.t.Errorf("%s: mined with status %d and %d logs", name, r.Status, len(r.Logs))
	}
	if b.tried++; b.tried%8 == 0 {
		b.works(name)
	}
}

// badInput is a handle and a proof that the token must not take, and why.
type badInput struct {
	handle fhe.Handle
	proof  []byte
	want   string
}

// TestBadInputs sends the token input lists that are not what it takes.
func TestBadInputs(t *testing.T) {
	b := newBench(t)
	transfer := func(handle fhe.Handle, proof []byte) []byte {
		return pack(tokenABI, "transfer", bob.Address, handle, proof)
	}
	good := b.encrypt(tokenAddress, alice, u64(5))
	other := b.encrypt(tokenAddress, alice, u64(6))
	small := b.encrypt(tokenAddress, alice, sdk.Value{Type: fhe.Uint8, Clear: uint256.NewInt(5)})
	retyped := good.Handles[0]
	retyped[30] = byte(fhe.Uint8)
	for name, c := range map[string]badInput{
		"unknown format":   {good.Handles[0], edited(good.Proof, 0, 9), "input list has format 9, want 0"},
		"truncated header": {good.Handles[0], good.Proof[:50], "input list has 50 bytes, want 103 to 22878: pass the proof whole, as the wallet returned it"},
		"truncated body":   {good.Handles[0], good.Proof[:len(good.Proof)-1], "FHE input: input list of 1 values has"},
		"one byte more":    {good.Handles[0], append(bytes.Clone(good.Proof), 0), "FHE input: input list of 1 values has"},
		"oversized":        {good.Handles[0], append(bytes.Clone(good.Proof), make([]byte, fhe.MaxInputSize)...), "input list has"},
		"no proof":         {good.Handles[0], nil, "the sender passed a handle that it has no right on"},
		"no values":        {good.Handles[0], edited(good.Proof, 1+fhe.BindingSize, 0), "input list has 0 values, want 1 to 255"},
		"more values":      {good.Handles[0], edited(good.Proof, 1+fhe.BindingSize, 255), "FHE input: input"},
		"unknown type":     {good.Handles[0], edited(good.Proof, 2+fhe.BindingSize, 99), "input value 0 has unknown"},
		"noise":            {good.Handles[0], bytes.Repeat([]byte{0xa5}, len(good.Proof)), "input list has format 165, want 0"},
		"changed ciphertext": {good.Handles[0], edited(good.Proof, len(good.Proof)-1, ^good.Proof[len(good.Proof)-1]),
			"HandleNotInList"},
		"handle of another list": {other.Handles[0], good.Proof, "pass the handle and the proof that one encryption returned together"},
		"another contract":       with(b.encrypt(bob.Address, alice, u64(5)), "encrypt it for the contract that calls FHE.fromExternal"),
		"another user":           with(b.encrypt(tokenAddress, eve, u64(5)), "encrypt it for the account that sends the transaction"),
		"another chain":          with(b.encryptFor(func(d *fhe.Domain) { d.ChainID = 1 }), "input is bound to chain 1, not 31337"),
		"another key":            with(b.encryptFor(func(d *fhe.Domain) { d.KeyID[0]++ }), "fetch the network key again"),
		"another version":        with(b.encryptFor(func(d *fhe.Domain) { d.Version++ }), "input is of protocol version 1, not 0"),
		"a smaller type":         with(small, "encrypt the input as the type that the contract's function takes"),
		"type byte changed":      {retyped, good.Proof, "encrypt the input as the type that the contract's function takes"},
		"type of the list changed": {good.Handles[0], edited(small.Proof, 2+fhe.BindingSize, byte(fhe.Uint64)),
			"FHE input: input list of 1 values has"},
	} {
		b.reverts(name, alice, tokenAddress, transfer(c.handle, c.proof), c.want)
	}
	b.works("all of them")
	b.check(b.books)
}

func with(in *sdk.Input, want string) badInput { return badInput{in.Handles[0], in.Proof, want} }

// edited is a copy of a list with one byte changed.
func edited(list []byte, at int, to byte) []byte {
	out := bytes.Clone(list)
	out[at] = to
	return out
}

// encryptFor encrypts to this network's key, for the domain of another.
func (b *bench) encryptFor(change func(*fhe.Domain)) *sdk.Input {
	b.t.Helper()
	binding := b.wallet.Parameters().Binding(fhe.Address(tokenAddress), fhe.Address(alice.Address))
	change(&binding.Domain)
	in, err := sdk.Encrypt(b.wallet.PublicKey(), binding, u64(5))
	b.must(err)
	return in
}

// TestNoise: a well-formed list of ciphertexts that nobody encrypted is for the
// network an input like any other, whose value is only its sender's trouble.
func TestNoise(t *testing.T) {
	b := newBench(t)
	in := b.encrypt(tokenAddress, eve, u64(5))
	noise := in.Proof[3+fhe.BindingSize:]
	for i := range noise {
		noise[i] = byte(i * i)
	}
	list := new(fhe.InputList)
	b.must(list.UnmarshalBinary(in.Proof))
	h := list.Handles(in.Proof)[0]
	b.send(eve, tokenAddress, pack(tokenABI, "transfer", eve.Address, h, in.Proof))
	b.ready(b.balanceOf(eve))
	b.works("noise")
	b.check(b.books)
}

var (
	executorABI = parsed(contracts.FHEVMExecutor)
	aclABI      = parsed(contracts.ACL)
	executor    = common.Address(contracts.ExecutorAddress)
	acl         = common.Address(contracts.ACLAddress)
)

// TestBadOperations calls the system contracts as a faulty contract would.
func TestBadOperations(t *testing.T) {
	b := newBench(t)
	balance := b.balanceOf(alice)
	nobodys := fhe.NewHandle(fhe.Digest{1, 2, 3}, fhe.Computed, contracts.DevChainID, fhe.Uint64, fhe.Version)
	big65 := new(uint256.Int).Lsh(uint256.NewInt(1), 64).Bytes32()
	encrypted, clear := [1]byte{0}, [1]byte{1}
	call := func(method string, args ...any) []byte { return pack(executorABI, method, args...) }
	uninitialised := "handle is uninitialised: assign the variable first"
	for name, c := range map[string]struct {
		from account
		data []byte
		want []string
	}{
		"uninitialised operands": {eve, call("fheAdd", fhe.Handle{}, fhe.Handle{}, encrypted), []string{"add: operand 0: " + uninitialised}},
		"one uninitialised":      {alice, call("fheLe", balance, fhe.Handle{}, encrypted), []string{"operand 1: " + uninitialised}},
		"uninitialised choice":   {eve, call("fheIfThenElse", fhe.Handle{}, fhe.Handle{}, fhe.Handle{}), []string{uninitialised}},
		"another's handle": {eve, call("fheAdd", balance, balance, encrypted),
			[]string{"ACLNotAllowed", balance.String(), eve.Address.Hex(), "call FHE.allowThis after storing a result"}},
		"nobody's handle":   {alice, call("fheNeg", nobodys), []string{"ACLNotAllowed", nobodys.String(), "this account may not use the handle"}},
		"not a bool":        {alice, call("fheIfThenElse", balance, balance, balance), []string{"operand 0", balance.String(), "is uint64, want bool"}},
		"too large a value": {alice, call("fheAdd", balance, big65, clear), []string{"clear value 0x10000000000000000 does not fit uint64"}},
		"a bit for no operand": {alice, call("fheAdd", balance, balance, [1]byte{4}),
			[]string{"bit i of the last argument says that operand i, counted from the right, is clear"}},
		"unsupported type":  {eve, call("trivialEncrypt", big.NewInt(1), uint8(1)), []string{"is not defined on"}},
		"cast to such":      {alice, call("cast", balance, uint8(1)), []string{"is not defined on"}},
		"no type at all":    {eve, call("trivialEncrypt", big.NewInt(1), uint8(99)), nil},
		"no such operation": {eve, append(crypto.Keccak256([]byte("fheGuess(bytes32)"))[:4], balance[:]...), nil},
		"no calldata":       {eve, nil, nil},
	} {
		b.reverts(name, c.from, executor, c.data, c.want...)
	}
	b.reverts("sharing another's handle", eve, acl, pack(aclABI, "allow", balance, eve.Address), "SenderNotAllowed", eve.Address.Hex())
	b.reverts("publishing another's handle", eve, acl, pack(aclABI, "allowForDecryption", [][32]byte{balance}), "SenderNotAllowed")
	for _, at := range []fhe.Address{contracts.OperationsPrecompile, contracts.InputsPrecompile} {
		b.reverts("junk to a precompile", eve, common.Address(at), bytes.Repeat([]byte{0xfe}, 5000), "FHE")
	}
	b.works("all of them")
	b.check(b.books)
}
