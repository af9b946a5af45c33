// Package network keeps what a network is made of on disk: its public
// description, its FHE keys, the node's identity and the committee's share
// files. A dealer ceremony writes the folder; every role reads it.
//
//	network.json      the description: kind, chain, key ids, committee (public)
//	public.key        what wallets encrypt to (public)
//	evaluation.key    what the coprocessor computes with (public)
//	random.key        what it draws random values with (public)
//	squash.key        what it prepares decryptions with (public, 812 MB)
//	node.identity     the node's TLS and signing keys (secret, mode 0600)
//	party-N.share     party N's share, encrypted to that party
//	epoch-E.json      a later epoch's committee, and its members' word for it (public)
//	party-N.epoch-E.S.share   party N's share of that epoch, made in a session whose name begins with S
//	epoch-E.S.json    another committee for that epoch, which was certified but not put in force (public)
//	certificate.json  every party's confirmation of keys that were made without a dealer (public)
//	confirmed.json    the description, as long as a party cannot know that all have confirmed
//	attempt           the next attempt at a key generation that a party may take part in
//	party-N.attempt-A.share, confirmed.attempt-A.json   of an attempt that was given up
//	party-N.identity  its keys, only where one machine plays all parties
package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"

	"github.com/ethereum/go-ethereum/common"
)

// Description is the public description of a network.
type Description struct {
	Format    int                 `json:"format"`
	Network   string              `json:"network"` // chain.Dev or chain.Production
	ChainID   uint64              `json:"chainId"`
	Set       string              `json:"parameterSet"`
	KeyID     fhe.Digest          `json:"keyId"`
	RandomKey fhe.Digest          `json:"randomKey"` // which KeyID commits to
	Committee threshold.Committee `json:"committee"` // of the epoch that the network began with

	// Later are the epochs that followed, in order.
	Later []Succession `json:"-"`
	// Contracts says where the system contracts are: at the established
	// addresses, unless the network is attached to another's chain.
	Contracts contracts.Addresses `json:"-"`
}

// format is the version of everything in a folder. Format 0 had the digest
// policy outside of what the shares seal, format 1 no packing keys, format 2 no
// random key.
const format = 3

const maxDescription = 2 * threshold.MaxCommitteeSize

// Folder is a network's folder.
type Folder string

// Names of the files of a folder.
const (
	descriptionFile = "network.json"
	publicKeyFile   = "public.key"
	evalKeyFile     = "evaluation.key"
	randomKeyFile   = "random.key"
	squashKeyFile   = "squash.key"
	nodeFile        = "node.identity"
)

// ShareFile is the path of party id's encrypted share.
func (f Folder) ShareFile(id threshold.PartyID) string {
	return f.path(fmt.Sprintf("party-%d.share", id))
}

// IdentityFile is the path of party id's identity, where this machine plays it.
func (f Folder) IdentityFile(id threshold.PartyID) string {
	return f.path(fmt.Sprintf("party-%d.identity", id))
}

// RecordsDir is the folder of a party's records within its data folder.
const RecordsDir = "records"

// PlayedDir is the folder of party id's records within the data folder of a node that
// plays it.
func PlayedDir(id threshold.PartyID) string { return fmt.Sprintf("party-%d", id) }

func (f Folder) path(name string) string { return filepath.Join(string(f), name) }

// Exists reports whether a ceremony finished in the folder: the description is
// written last.
func (f Folder) Exists() bool {
	_, err := os.Stat(f.path(descriptionFile))
	return err == nil
}

// Description reads the network's description.
func (f Folder) Description() (*Description, error) {
	b, err := disk.ReadFile(f.path(descriptionFile), maxDescription)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no network: make one with fhevm-node keygen --out %s", f, f)
	}
	if err != nil {
		return nil, fmt.Errorf("read network: %w", err)
	}
	d := &Description{Contracts: contracts.Established}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("read network %s: %w", f, err)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("network in %s: %w", f, err)
	}
	return d, f.readLater(d)
}

// check begins with the kind of network: one that claims more than this program
// keeps is refused whatever its format.
func (d *Description) check() error {
	if err := d.Genesis().Validate(); err != nil {
		return err
	}
	switch {
	case d.Format != format:
		return fmt.Errorf("it has format %d, want %d: deal a network anew into another folder", d.Format, format)
	case d.Set != tfhe.Default.Name:
		return fmt.Errorf("it uses parameter set %q, this program has %q", d.Set, tfhe.Default.Name)
	case d.Committee.Epoch.Key != d.KeyID:
		return fmt.Errorf("its committee holds key %s, not %s", d.Committee.Epoch.Key, d.KeyID)
	}
	return d.Committee.Check()
}

// Genesis is the chain's genesis.
func (d *Description) Genesis() *chain.Genesis {
	g := chain.DevGenesis(d.KeyID, OnChain(&d.Committee))
	g.Network, g.ChainID = d.Network, d.ChainID
	return g
}

// OnChain is a committee as the key registry has it.
func OnChain(c *threshold.Committee) chain.Committee {
	out := chain.Committee{Epoch: c.Epoch.Number, Quorum: c.Quorum().Agree()}
	for _, m := range c.Members {
		out.Signers = append(out.Signers, common.Address(m.Signer))
	}
	return out
}

// SigningDomain is the EIP-712 domain of permits and decryption results.
func (d *Description) SigningDomain() eip712.Domain {
	return eip712.Domain{ChainID: d.ChainID, Verifier: d.Contracts.DecryptionVerifier}
}

// Domain separates the network's names from every other's.
func (d *Description) Domain() fhe.Domain {
	return fhe.Domain{ChainID: d.ChainID, ACL: d.Contracts.ACL, KeyID: d.KeyID, Version: fhe.Version}
}

// PublicKey reads the public key.
func (f Folder) PublicKey() (*tfhe.PublicKey, error) {
	return open(f.path(publicKeyFile), tfhe.ReadPublicKey)
}

// EvaluationKey reads the evaluation key.
func (f Folder) EvaluationKey() (*tfhe.EvaluationKey, error) {
	return open(f.path(evalKeyFile), tfhe.ReadEvaluationKey)
}

// CheckRandomKey reports that the random key's file is missing. It does not read
// it.
func (f Folder) CheckRandomKey() error {
	if _, err := os.Stat(f.path(randomKeyFile)); err != nil {
		return fmt.Errorf("random key: %w", err)
	}
	return nil
}

// RandomKey reads the random key and checks that it is the one that the
// description names.
func (f Folder) RandomKey(want fhe.Digest) (*tfhe.RandomKey, error) {
	k, err := open(f.path(randomKeyFile), tfhe.ReadRandomKey)
	if err != nil {
		return nil, err
	}
	if k.Digest() != want {
		return nil, fmt.Errorf("%s is random key %s, the network's is %s", f.path(randomKeyFile), k.Digest(), want)
	}
	return k, nil
}

// SquashKey maps the squash key into memory and checks that it is the one that
// the committee's epoch names.
func (f Folder) SquashKey(want fhe.Digest) (*squash.Key, error) {
	k, err := squash.OpenKey(f.path(squashKeyFile))
	if err != nil {
		return nil, err
	}
	if k.Digest() != want {
		return nil, errors.Join(fmt.Errorf("%s is squash key %s, the committee's is %s", f.path(squashKeyFile), k.Digest(), want), k.Close())
	}
	return k, nil
}

// NodeIdentity reads the node's keys.
func (f Folder) NodeIdentity() (*identity.Identity, error) {
	return committee.LoadIdentity(f.path(nodeFile))
}

// Secret decrypts the share of the party with the given keys. The description
// must be of the very committee that the dealer sealed into the share: whoever
// handed it over could otherwise choose whom the party believes.
func (f Folder) Secret(d *Description, id threshold.PartyID, keys *identity.Identity) (*dealer.Secret, error) {
	return f.secret(f.path(descriptionFile), f.ShareFile(id), &d.Committee, id, keys)
}

func (f Folder) secret(description, path string, c *threshold.Committee, id threshold.PartyID, keys *identity.Identity) (*dealer.Secret, error) {
	s, err := committee.LoadSecret(path, keys)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read share of party %d: %w", id, err)
	case s.Party != id:
		return nil, fmt.Errorf("%s is the share of party %d", path, s.Party)
	case !s.Committee.Equal(c):
		return nil, fmt.Errorf("%s describes another committee than the one sealed in %s", description, path)
	}
	return s, nil
}

func open[T any](path string, read func(io.Reader) (T, error)) (v T, err error) {
	file, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer file.Close()
	if v, err = read(file); err != nil {
		return v, fmt.Errorf("read %s: %w", path, err)
	}
	return v, nil
}
