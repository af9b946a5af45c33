package custody

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
)

// Seat is a party's place in the committee of an epoch.
type Seat struct {
	Epoch     uint64            `json:"epoch"`
	Party     threshold.PartyID `json:"party"`
	Committee fhe.Digest        `json:"committee"` // SHA-256 of the committee's file, as JSON without spaces
}

// holding is what contents turn out to be.
type holding struct {
	identity *identity.Identity
	key      fhe.Digest // id of the squash key
	seats    []Seat
}

func (h *holding) signer() fhe.Address { return eip712.AddressOf(h.identity.Signer.PubKey()) }

// open looks whether the contents fit each other: the identity opens the secrets and
// is their party's, and they are shares of one key, in the order of their epochs.
func (c *Contents) open() (*holding, error) {
	if len(c.Secrets) == 0 || max(len(c.Secrets), len(c.Network)) > maxParts {
		return nil, fmt.Errorf("backup of %d shares and %d descriptions, want at least one share and at most %d of each", len(c.Secrets), len(c.Network), maxParts)
	}
	id, err := identity.Parse(c.Identity)
	if err != nil {
		return nil, err
	}
	h := &holding{identity: id}
	for _, file := range c.Secrets {
		if err := h.add(file); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *holding) add(file []byte) error {
	s, err := dealer.Decrypt(file, h.identity.Age)
	if err != nil {
		return fmt.Errorf("the identity does not open the secret: %w", err)
	}
	defer s.Wipe()
	m, err := s.Committee.Member(s.Party)
	if err != nil {
		return err
	}
	if h.identity.Member(s.Party, m.Address) != m {
		return fmt.Errorf("the identity is not that of party %d, whose secret it opens", s.Party)
	}
	epoch := s.Committee.Epoch
	if n := len(h.seats); n > 0 && (h.key != epoch.SquashKey || h.seats[n-1].Epoch >= epoch.Number) {
		return errors.New("the shares are not those of one key, in the order of their epochs")
	}
	committee, err := json.Marshal(s.Committee)
	if err != nil {
		return err
	}
	h.key = epoch.SquashKey
	h.seats = append(h.seats, Seat{epoch.Number, s.Party, sha256.Sum256(committee)})
	return nil
}
