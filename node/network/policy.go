package network

import (
	"errors"
	"fmt"
	"os"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"
)

// Words says whose word about ciphertexts the parties of a network are to take.
type Words struct {
	// Coprocessors are the signers of other nodes than the one that the network is founded
	// with, whose own is the first.
	Coprocessors []fhe.Address
	Need         int // of all of them; 0 means more than half
	// Recompute says that each party has a node of its own and takes its word alone.
	Recompute bool
}

// policy is the digest policy of coprocessors that are all named.
func policy(all []fhe.Address, need int) threshold.Policy {
	if need == 0 {
		need = len(all)/2 + 1
	}
	return threshold.Policy{Coprocessors: all, Need: need}
}

// Development reports whether the network is for development: on the chain id that is
// everybody's for that. What holds anything of value has a chain id of its own.
func (d *Description) Development() bool {
	return d.Network == chain.Dev && d.ChainID == contracts.DevChainID
}

// CheckPolicy refuses a digest policy that rests on too few coprocessors, unless the
// network is for development or the parties recompute.
func (d *Description) CheckPolicy(p *threshold.Policy, recompute bool) error {
	if recompute || d.Development() {
		return p.Check()
	}
	if err := p.Independent(); err != nil {
		return fmt.Errorf("chain %d: %w, or each party recomputes by a node of its own", d.ChainID, err)
	}
	return nil
}

// plan is CheckPolicy for those who can still choose.
func (d *Description) plan(p *threshold.Policy, recompute bool) error {
	if err := d.CheckPolicy(p, recompute); err != nil {
		return fmt.Errorf("%w: name coprocessors (--coprocessor, --need), or say that all parties recompute (--parties-recompute)", err)
	}
	return nil
}

// ParseCoprocessors reads the addresses of coprocessors' signers.
func ParseCoprocessors(texts []string) (out []fhe.Address, err error) {
	for _, text := range texts {
		a, err := ParseCoprocessor(text)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// ParseCoprocessor reads one address, which is not zero.
func ParseCoprocessor(text string) (a fhe.Address, err error) {
	if err := a.UnmarshalText([]byte(text)); err != nil {
		return a, fmt.Errorf("coprocessor %q: %w", text, err)
	}
	if a == (fhe.Address{}) {
		return a, errors.New("the zero address is no coprocessor")
	}
	return a, nil
}

// Coprocessor is the address by which the node of this folder signs. Where the folder
// has no identity of a node it gets one.
func (f Folder) Coprocessor() (fhe.Address, error) {
	keys, err := f.NodeIdentity()
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(string(f), 0o700); err != nil {
			return fhe.Address{}, err
		}
		keys, err = committee.CreateIdentity(f.path(nodeFile), "")
	}
	if err != nil {
		return fhe.Address{}, fmt.Errorf("the node's identity: %w", err)
	}
	return eip712.AddressOf(keys.Signer.PubKey()), nil
}
