package network

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
)

// Progress reports how far a stage of the ceremony is: done of total units.
type Progress func(stage string, done, total int)

// Plan is what a ceremony makes keys for.
type Plan struct {
	ChainID uint64 // 0 means the development chain
	Members []threshold.Member
	Words   Words
}

// Deal runs the dealer ceremony into the folder: it draws the network's keys,
// splits the secret among the members, writes one file per party encrypted to
// that party, and forgets the secret. It is to run offline: while it runs, this
// process holds the whole key. Files are written beside their names and
// renamed, the description last, so that a folder is complete or no network.
func (f Folder) Deal(p Plan, progress Progress) (*Description, error) {
	d, node, err := f.begin(p)
	if err != nil {
		return nil, err
	}
	if err := f.makeKeys(d, progress); err != nil {
		return nil, err
	}
	if err := WriteIdentity(f.path(nodeFile), node); err != nil {
		return nil, err
	}
	return d, f.writeDescription(d)
}

// begin makes the folder, and draws the identity of the node that the network is for.
func (f Folder) begin(p Plan) (*Description, *identity.Identity, error) {
	node, err := identity.Generate()
	if err != nil {
		return nil, nil, err
	}
	d, err := p.description(node)
	if err != nil {
		return nil, nil, err
	}
	return d, node, f.make()
}

// make makes the folder, which must not hold a network.
func (f Folder) make() error {
	if f.Exists() {
		return fmt.Errorf("%s already holds a network: choose another folder", f)
	}
	return os.MkdirAll(string(f), 0o700)
}

// description is the network's, but for what depends on its keys.
func (p *Plan) description(node *identity.Identity) (*Description, error) {
	d := &Description{
		Format: format, Network: chain.Dev, ChainID: p.ChainID, Set: tfhe.Default.Name, Contracts: contracts.Established,
		Committee: threshold.Committee{
			Members: p.Members, Relays: []fhe.Digest{node.Fingerprint()},
			Policy: policy(append([]fhe.Address{eip712.AddressOf(node.Signer.PubKey())}, p.Words.Coprocessors...), p.Words.Need),
		},
	}
	if d.ChainID == 0 {
		d.ChainID = contracts.DevChainID
	}
	d.Committee.Epoch.Number = 1
	if err := d.Committee.Check(); err != nil {
		return nil, err
	}
	if err := d.plan(&d.Committee.Policy, p.Words.Recompute); err != nil {
		return nil, err
	}
	margin, err := prss.NewMargin(d.Committee.Quorum(), squash.NoiseBound().Uint64())
	d.Committee.Noise, d.Committee.Stat = margin.Noise, margin.Stat
	return d, err
}

// makeKeys draws the secret keys, writes what is public and the parties'
// shares, and fills in the description's key ids.
func (f Folder) makeKeys(d *Description, progress Progress) error {
	secret, err := tfhe.GenerateSecretKey(&tfhe.Default)
	if err != nil {
		return err
	}
	defer secret.Wipe()
	if err := f.writeTFHE(d, secret, progress); err != nil {
		return err
	}
	bits, err := f.writeSquash(d, secret, progress)
	if err != nil {
		return err
	}
	defer bits.Wipe()
	return f.writeShares(d, bits)
}

func (f Folder) writeTFHE(d *Description, secret *tfhe.SecretKey, progress Progress) error {
	pk := secret.PublicKey()
	ek := secret.EvaluationKey(func(done, total int) { progress("evaluation key", done, total) })
	rk := secret.RandomKey(func(done, total int) { progress("random key", done, total) })
	d.RandomKey = rk.Digest()
	d.KeyID = tfhe.KeyID(pk, ek, d.RandomKey)
	d.Committee.Epoch.Key = d.KeyID
	if err := disk.Replace(f.path(publicKeyFile), 0o644, pk.WriteTo); err != nil {
		return err
	}
	if err := disk.Replace(f.path(evalKeyFile), 0o644, ek.WriteTo); err != nil {
		return err
	}
	return disk.Replace(f.path(randomKeyFile), 0o644, rk.WriteTo)
}

func (f Folder) writeSquash(d *Description, secret *tfhe.SecretKey, progress Progress) (*squash.SecretKey, error) {
	seed, err := tfhe.NewSeed()
	if err != nil {
		return nil, err
	}
	defer seed.Wipe()
	key, bits, err := squash.GenerateKey(secret.Small(), seed, func(done, total int) { progress("squash key", done, total) })
	if err != nil {
		return nil, err
	}
	d.Committee.Epoch.SquashKey = key.Digest()
	return bits, disk.Replace(f.path(squashKeyFile), 0o644, key.WriteTo)
}

func (f Folder) writeShares(d *Description, bits *squash.SecretKey) error {
	shares, err := dealer.Deal(bits.Bits(), &d.Committee, rand.Reader)
	if err != nil {
		return err
	}
	for _, s := range shares {
		defer s.Wipe()
		file, err := s.Encrypt()
		if err != nil {
			return fmt.Errorf("encrypt share of party %d: %w", s.Party, err)
		}
		if err := writeBytes(f.ShareFile(s.Party), 0o600, file); err != nil {
			return err
		}
	}
	return nil
}

func (f Folder) writeDescription(d *Description) error { return f.writeJSON(descriptionFile, d) }

func (f Folder) writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeBytes(f.path(name), 0o644, append(b, '\n'))
}

// WriteIdentity writes an identity file for its owner alone.
func WriteIdentity(path string, id *identity.Identity) error {
	b, err := id.Encode()
	if err != nil {
		return err
	}
	defer clear(b)
	return writeBytes(path, 0o600, b)
}

func writeBytes(path string, mode os.FileMode, b []byte) error {
	return disk.Replace(path, mode, bytes.NewReader(b).WriteTo)
}
