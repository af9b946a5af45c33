package threshold

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"fhevm/fhe"
)

// Member is the public description of one party.
type Member struct {
	Party     PartyID     `json:"party"`
	Signer    fhe.Address `json:"signer"`    // account of the party's secp256k1 key
	Recipient string      `json:"recipient"` // age recipient of the party's secret file
	TLS       fhe.Digest  `json:"tls"`       // SHA-256 of the party's certificate (DER)
	Address   string      `json:"address"`   // host:port of the party's service
}

// Committee is the public description of an epoch's parties. It is the same
// file for every party, relay and wallet.
type Committee struct {
	Epoch   Epoch    `json:"epoch"`
	Members []Member `json:"members"` // in the order of their ids, 1 to n
	// Noise and Stat fix the masks of the epoch (package prss). They are part
	// of it, since parties with different ones make masks that do not fit.
	Noise uint64 `json:"noise"`
	Stat  int    `json:"stat"`
	// Policy is the parties' rule for what coprocessors say.
	Policy Policy `json:"policy"`
	// Relays lists the certificates (SHA-256 of DER) of the nodes that may
	// forward users' requests to the parties.
	Relays []fhe.Digest `json:"relays"`
}

// Bounds of a committee's description.
const (
	MaxRelays        = 64
	maxRecipientSize = 4096
	maxAddressSize   = 262
	// MaxCommitteeSize is the size of the largest committee file.
	MaxCommitteeSize = 1 << 17
)

// Quorum is the quorum of the committee's size.
func (c *Committee) Quorum() Quorum { return Quorum{N: len(c.Members), T: (len(c.Members) - 1) / 3} }

// Member returns the description of party id.
func (c *Committee) Member(id PartyID) (Member, error) {
	if !c.Quorum().Has(id) {
		return Member{}, fmt.Errorf("party %d is not in the committee of %d", id, len(c.Members))
	}
	return c.Members[id-1], nil
}

// PartyByTLS returns the party whose certificate has the given fingerprint.
func (c *Committee) PartyByTLS(fingerprint fhe.Digest) (PartyID, bool) {
	for _, m := range c.Members {
		if m.TLS == fingerprint {
			return m.Party, true
		}
	}
	return 0, false
}

// IsRelay reports whether the fingerprint is that of a relay.
func (c *Committee) IsRelay(fingerprint fhe.Digest) bool {
	for _, r := range c.Relays {
		if r == fingerprint {
			return true
		}
	}
	return false
}

// Equal reports whether c and o describe the same epoch in every respect.
func (c *Committee) Equal(o *Committee) bool {
	return c.Epoch == o.Epoch && c.Noise == o.Noise && c.Stat == o.Stat &&
		slices.Equal(c.Members, o.Members) && slices.Equal(c.Relays, o.Relays) &&
		c.Policy.Need == o.Policy.Need && slices.Equal(c.Policy.Coprocessors, o.Policy.Coprocessors)
}

// Check reports what is wrong with c: its size, the order of its members, two
// members that share a key, its policy.
func (c *Committee) Check() error {
	if _, err := NewQuorum(len(c.Members)); err != nil {
		return err
	}
	if err := c.Policy.Check(); err != nil {
		return err
	}
	if len(c.Relays) > MaxRelays {
		return fmt.Errorf("committee has %d relays, want at most %d", len(c.Relays), MaxRelays)
	}
	signers, certificates := map[fhe.Address]bool{}, map[fhe.Digest]bool{}
	for i, m := range c.Members {
		if err := m.check(PartyID(i + 1)); err != nil {
			return fmt.Errorf("committee member %d: %w", i+1, err)
		}
		if signers[m.Signer] || certificates[m.TLS] {
			return fmt.Errorf("committee member %d shares a key with another", i+1)
		}
		signers[m.Signer], certificates[m.TLS] = true, true
	}
	return nil
}

func (m *Member) check(want PartyID) error {
	switch {
	case m.Party != want:
		return fmt.Errorf("has id %d", m.Party)
	case m.Signer == fhe.Address{}:
		return errors.New("has no signer")
	case m.TLS == fhe.Digest{}:
		return errors.New("has no certificate")
	case len(m.Recipient) > maxRecipientSize:
		return fmt.Errorf("recipient has %d characters, want at most %d", len(m.Recipient), maxRecipientSize)
	case len(m.Address) > maxAddressSize:
		return fmt.Errorf("address has %d characters, want at most %d", len(m.Address), maxAddressSize)
	}
	return nil
}

// ParseCommittee decodes a committee file (JSON) and checks it.
func ParseCommittee(b []byte) (*Committee, error) {
	if len(b) > MaxCommitteeSize {
		return nil, fmt.Errorf("committee file has %d bytes, want at most %d", len(b), MaxCommitteeSize)
	}
	c := new(Committee)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("decode committee: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}
