package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// Kinds of network.
const (
	Dev        = "dev"
	Production = "production"
)

// GasLimit is the gas limit of every block.
const GasLimit = 60_000_000

// genesisTime is the timestamp of block 0, in seconds since 1970. It is a
// constant, so that the genesis depends on its description alone.
const genesisTime = 1_700_000_000

// genesisTag begins the hash of domain and prices that block 0 carries as extra data.
const genesisTag = "fhevm genesis"

// Genesis describes a network (SPEC 8.3). Every role reads it, and the hash of
// block 0 commits to it.
type Genesis struct {
	Network   string                          `json:"network"` // Dev or Production
	ChainID   uint64                          `json:"chainId"`
	KeyID     fhe.Digest                      `json:"keyId"` // of the network's FHE key
	Owner     common.Address                  `json:"owner"` // governs the system contracts: an account, timelock or multisig
	Committee Committee                       `json:"committee"`
	Budget    Budget                          `json:"budget"`
	Alloc     map[common.Address]*hexutil.Big `json:"alloc"` // balances in wei
}

// Committee is the first decryption committee.
type Committee struct {
	Epoch   uint64           `json:"epoch"`
	Quorum  int              `json:"quorum"`  // signatures under a public result, 2t+1
	Signers []common.Address `json:"signers"` // by party, 3t+1
}

// Budget bounds the work that the chain orders from its coprocessors, in
// bootstraps. The owner may change it later.
type Budget struct {
	PerBlock uint32 `json:"perBlock"` // added with every block
	Burst    uint32 `json:"burst"`    // the most that unused blocks save up
	Depth    uint32 `json:"depth"`    // layers that a transaction may be deep
}

// DevBudget admits about as many operations as a block has gas for.
var DevBudget = Budget{PerBlock: 1_000_000, Burst: 4_000_000, Depth: 32_768}

// DevGenesis describes a development network with the well-known chain id and
// accounts, each funded with 10,000 ether; the first one owns the system
// contracts.
func DevGenesis(keyID fhe.Digest, committee Committee) *Genesis {
	g := &Genesis{
		Network: Dev, ChainID: contracts.DevChainID, KeyID: keyID, Committee: committee, Budget: DevBudget,
		Alloc: make(map[common.Address]*hexutil.Big),
	}
	accounts := DevAccounts()
	g.Owner = accounts[0].Address
	for _, a := range accounts {
		g.Alloc[a.Address] = (*hexutil.Big)(new(big.Int).Mul(big.NewInt(10_000), big.NewInt(params.Ether)))
	}
	return g
}

// ParseGenesis reads the JSON form of a genesis and validates it.
func ParseGenesis(b []byte) (*Genesis, error) {
	var g Genesis
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil {
		return nil, fmt.Errorf("parse genesis: %w", err)
	}
	return &g, g.Validate()
}

// Validate refuses production networks, whose safeguards do not exist, and
// descriptions that contradict themselves.
func (g *Genesis) Validate() error {
	switch {
	case g.Network == Production:
		return errors.New("genesis: network production needs input proofs, committee key generation and BFT consensus, which do not exist yet: use network dev")
	case g.Network != Dev:
		return fmt.Errorf("genesis: network is %q, want %q", g.Network, Dev)
	case g.ChainID == 0:
		return errors.New("genesis: chain id is missing")
	case g.KeyID == fhe.Digest{}:
		return errors.New("genesis: key id is missing")
	case g.Budget.PerBlock == 0 || g.Budget.Burst == 0 || g.Budget.Depth == 0:
		return errors.New("genesis: budget needs perBlock, burst and depth above 0")
	case g.Owner == common.Address{}:
		return errors.New("genesis: owner is missing: name the account, timelock or multisig that governs the system contracts")
	}
	for a, wei := range g.Alloc {
		if wei == nil || wei.ToInt().Sign() < 0 || wei.ToInt().BitLen() > 128 {
			return fmt.Errorf("genesis: balance of %s is missing or out of range", a)
		}
	}
	return g.Committee.validate()
}

func (c Committee) validate() error {
	if c.Quorum < 1 || c.Quorum > len(c.Signers) {
		return fmt.Errorf("genesis: quorum %d of %d committee members", c.Quorum, len(c.Signers))
	}
	seen := make(map[common.Address]bool)
	for i, s := range c.Signers {
		if s == (common.Address{}) || seen[s] {
			return fmt.Errorf("genesis: signer of committee member %d is zero or repeated", i)
		}
		seen[s] = true
	}
	return nil
}

// Domain separates the network's handles from every other's.
func (g *Genesis) Domain() fhe.Domain {
	return fhe.Domain{ChainID: g.ChainID, ACL: contracts.ACLAddress, KeyID: g.KeyID, Version: fhe.Version}
}

// Hash is the hash of block 0.
func (g *Genesis) Hash() (common.Hash, error) {
	spec, err := g.build()
	if err != nil {
		return common.Hash{}, err
	}
	return spec.ToBlock().Hash(), nil
}

// build is the genesis in go-ethereum's terms.
func (g *Genesis) build() (*core.Genesis, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	// A genesis block states no chain id and no prices of precompiles; its extra data does.
	schedule := precompiles.Schedule()
	extra := fhe.Keccak([]byte(genesisTag), g.Domain().Append(nil), schedule[:])
	spec := &core.Genesis{
		Config:     rules(g.ChainID),
		Timestamp:  genesisTime,
		GasLimit:   GasLimit,
		Difficulty: new(big.Int),
		BaseFee:    big.NewInt(params.GWei),
		ExtraData:  extra[:],
		Alloc:      make(types.GenesisAlloc),
	}
	for a, wei := range g.Alloc {
		spec.Alloc[a] = types.Account{Balance: wei.ToInt()}
	}
	predeployed, err := g.predeploy(spec.Config)
	if err != nil {
		return nil, err
	}
	maps.Copy(spec.Alloc, core.SystemContractAllocs())
	maps.Copy(spec.Alloc, predeployed)
	// Code makes high-level Solidity calls pass their check that a contract is
	// there, and the balance keeps the accounts from being empty (EIP-161).
	for _, a := range []common.Address{precompiles.OperationAddress, precompiles.InputAddress} {
		spec.Alloc[a] = types.Account{Code: []byte{0xfe}, Balance: big.NewInt(1)}
	}
	return spec, nil
}
