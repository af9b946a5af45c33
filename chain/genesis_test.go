package chain

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/big"
	"os"
	"reflect"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
)

var update = flag.Bool("update", false, "rewrite testdata after a change to the system contracts or to prices")

// The genesis is a function of its description. Its hash changes with the system
// contracts' code and the precompiles' prices, and then testdata with it.
func TestGenesisHash(t *testing.T) {
	const file = "testdata/genesis-hash"
	hash, err := testGenesis().Hash()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(hash.Hex()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if hash.Hex() != strings.TrimSpace(string(want)) {
		t.Errorf("genesis is %s, want %s: after a change to the system contracts or to prices run go test ./chain -update", hash.Hex(), want)
	}
}

// Everything that a network is about moves the hash.
func TestGenesisHashCommits(t *testing.T) {
	seen := make(map[common.Hash]bool)
	for name, change := range map[string]func(*Genesis){
		"nothing":  func(*Genesis) {},
		"chain id": func(g *Genesis) { g.ChainID++ },
		"key":      func(g *Genesis) { g.KeyID[31] ^= 1 },
		"owner":    func(g *Genesis) { g.Owner[19] ^= 1 },
		"epoch":    func(g *Genesis) { g.Committee.Epoch++ },
		"quorum":   func(g *Genesis) { g.Committee.Quorum-- },
		"signer":   func(g *Genesis) { g.Committee.Signers[0][19] ^= 1 },
		"balance":  func(g *Genesis) { g.Alloc[nowhere] = (*hexutil.Big)(big.NewInt(1)) },
	} {
		g := testGenesis()
		change(g)
		hash, err := g.Hash()
		if err != nil || seen[hash] {
			t.Errorf("%s: hash %s, %v", name, hash, err)
		}
		seen[hash] = true
	}
}

func TestGenesisIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Genesis){
		"input proofs, committee key generation and BFT consensus": func(g *Genesis) { g.Network = Production },
		`network is ""`:        func(g *Genesis) { g.Network = "" },
		"chain id is missing":  func(g *Genesis) { g.ChainID = 0 },
		"key id is missing":    func(g *Genesis) { g.KeyID = fhe.Digest{} },
		"owner is missing":     func(g *Genesis) { g.Owner = common.Address{} },
		"quorum 0":             func(g *Genesis) { g.Committee.Quorum = 0 },
		"quorum 5":             func(g *Genesis) { g.Committee.Quorum = 5 },
		"member 0 is zero":     func(g *Genesis) { g.Committee.Signers[0] = common.Address{} },
		"member 3 is zero or ": func(g *Genesis) { g.Committee.Signers[3] = g.Committee.Signers[0] },
		"balance of":           func(g *Genesis) { g.Alloc[nowhere] = nil },
		"or out of range":      func(g *Genesis) { g.Alloc[nowhere] = (*hexutil.Big)(big.NewInt(-1)) },
	} {
		g := testGenesis()
		change(g)
		if _, err := Open(Config{Genesis: g}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

func TestGenesisJSON(t *testing.T) {
	want := testGenesis()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseGenesis(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v, %v", got, err)
	}
	for _, bad := range []string{``, `{`, `{"quorum": 1}`, `{"network": "production"}`, `{"network": 3}`} {
		if _, err := ParseGenesis([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzParseGenesis(f *testing.F) {
	b, err := json.Marshal(testGenesis())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := ParseGenesis(b); err == nil && g.Network != Dev {
			t.Errorf("accepted a genesis of network %q", g.Network)
		}
	})
}

// A predeployed contract is what transactions would have deployed: the
// implementation, then a proxy that initialises itself.
func TestPredeployEqualsDeployment(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	g := testGenesis()
	for _, s := range contracts.Systems() {
		setup := g.setup(s.Artifact)
		implementation := w.create(s.Artifact, setup.constructor...)
		call, err := mustABI(s.Artifact).Pack("initialize", setup.initialize...)
		if err != nil {
			t.Fatal(err)
		}
		proxy := w.create(contracts.SystemProxy, implementation, call)
		same(t, n, implementation, s.Implementation, implementation)
		same(t, n, proxy, s.Proxy, implementation)
	}
}

// same compares a deployed contract with a predeployed one, in code and in the
// slots that the genesis sets. In both, an implementation names itself.
func same(t *testing.T, n *Node, deployed common.Address, at fhe.Address, implementation common.Address) {
	t.Helper()
	predeployed := common.Address(at)
	spec, err := testGenesis().build()
	if err != nil {
		t.Fatal(err)
	}
	local := func(b []byte) string { // the implementation's address, wherever it is
		for _, s := range contracts.Systems() {
			b = bytes.ReplaceAll(b, s.Implementation[:], make([]byte, 20))
		}
		return string(bytes.ReplaceAll(b, implementation[:], make([]byte, 20)))
	}
	code := func(a common.Address) string {
		b, err := n.Client().CodeAt(ctx, a, nil)
		if err != nil || len(b) == 0 {
			t.Fatalf("code of %s: %d bytes, %v", a, len(b), err)
		}
		return local(b)
	}
	if code(deployed) != code(predeployed) {
		t.Errorf("%s: deployed with other code", predeployed)
	}
	for slot := range spec.Alloc[predeployed].Storage {
		a, err := n.Client().StorageAt(ctx, deployed, slot, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := n.Client().StorageAt(ctx, predeployed, slot, nil)
		if err != nil || local(a) != local(b) {
			t.Errorf("%s: slot %s is deployed as %x, predeployed as %x, %v", predeployed, slot, a, b, err)
		}
	}
}

func TestDevAccountsAreFunded(t *testing.T) {
	known := []string{
		"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
		"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
		"0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65", "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
		"0x976EA74026E726554dB657fA54763abd0C3a0aa9", "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
		"0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f", "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
	}
	n := open(t, "")
	for i, a := range DevAccounts() {
		balance, err := n.Client().BalanceAt(ctx, a.Address, nil)
		if err != nil || new(big.Int).Div(balance, big.NewInt(params.Ether)).Int64() != 10_000 {
			t.Errorf("account %d has %s wei, %v", i, balance, err)
		}
		key, err := crypto.HexToECDSA(strings.TrimPrefix(a.Hex(), "0x"))
		if err != nil || a.Address.Hex() != known[i] || crypto.PubkeyToAddress(key.PublicKey) != a.Address {
			t.Errorf("account %d is %s, want %s", i, a.Address.Hex(), known[i])
		}
	}
}

// go-ethereum's own system contracts are there, or no block could be built; no
// balance displaces one.
func TestSystemContractsHaveCode(t *testing.T) {
	g := testGenesis()
	g.Alloc[params.HistoryStorageAddress] = (*hexutil.Big)(big.NewInt(1))
	g.Alloc[common.Address(contracts.ACLAddress)] = (*hexutil.Big)(big.NewInt(1))
	spec, err := g.build()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []common.Address{params.BeaconRootsAddress, params.HistoryStorageAddress, params.WithdrawalQueueAddress,
		common.Address(contracts.OperationsPrecompile), common.Address(contracts.InputsPrecompile)} {
		if len(spec.Alloc[a].Code) == 0 {
			t.Errorf("%s has no code", a)
		}
	}
	for _, s := range contracts.Systems() {
		for _, a := range []fhe.Address{s.Proxy, s.Implementation} {
			if len(spec.Alloc[common.Address(a)].Code) == 0 {
				t.Errorf("%s at %s has no code", s.Name, a)
			}
		}
	}
}
