package dealer

import (
	"fmt"
	"io"

	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/prss"
	"fhevm/threshold/shamir"
)

// Secret is all that one party must keep to itself in an epoch. It prints as
// "[secret]".
type Secret struct {
	Party     threshold.PartyID
	Committee *threshold.Committee
	Keys      []prss.Key // in the order of prss.SetsOf
	Share     *decrypt.Share
	// Opened is how many openings of the key earlier epochs have counted.
	Opened uint64
}

// Deal splits the bits of a squash secret, 0 or 1 each, among the committee,
// with randomness from rand. The secret of party i is at index i-1. bits is
// only read.
func Deal(bits []uint8, c *threshold.Committee, rand io.Reader) ([]*Secret, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if _, err := prss.MarginOf(c); err != nil {
		return nil, err
	}
	if len(bits) != squash.Dim {
		return nil, fmt.Errorf("squash secret has %d bits, want %d", len(bits), squash.Dim)
	}
	out := make([]*Secret, len(c.Members))
	for i := range out {
		out[i] = &Secret{Party: threshold.PartyID(i + 1), Committee: c, Share: new(decrypt.Share)}
	}
	if err := dealKeys(out, c.Quorum(), rand); err != nil {
		return nil, err
	}
	return out, dealShares(out, bits, c.Quorum(), rand)
}

func dealKeys(out []*Secret, q threshold.Quorum, rand io.Reader) error {
	for _, set := range prss.Sets(q) {
		var key prss.Key
		if _, err := io.ReadFull(rand, key[:]); err != nil {
			return fmt.Errorf("draw PRSS key: %w", err)
		}
		for id := range set.All() {
			out[id-1].Keys = append(out[id-1].Keys, key)
		}
	}
	return nil
}

func dealShares(out []*Secret, bits []uint8, q threshold.Quorum, rand io.Reader) error {
	for i, bit := range bits {
		if bit > 1 {
			return fmt.Errorf("squash secret has %d at position %d, want 0 or 1", bit, i)
		}
		shares, err := shamir.Split(q, shamir.Element{uint64(bit), uint64(bit)}, rand)
		if err != nil {
			return err
		}
		for p, s := range shares {
			for k := range s {
				out[p].Share.Set(k, i, s[k])
			}
		}
	}
	return nil
}

// Key is what the party decrypts with. It checks the margin of the epoch's
// masks and shares s's memory.
func (s *Secret) Key() (*decrypt.Key, error) {
	m, err := prss.MarginOf(s.Committee)
	if err != nil {
		return nil, err
	}
	masks, err := prss.NewGenerator(m, s.Committee.Epoch, s.Party, s.Keys)
	if err != nil {
		return nil, err
	}
	return decrypt.NewKey(s.Committee.Epoch, s.Share, masks), nil
}

// Wipe overwrites shares and keys with zeros.
func (s *Secret) Wipe() {
	s.Share.Wipe()
	clear(s.Keys)
}

// Format implements fmt.Formatter.
func (*Secret) Format(f fmt.State, _ rune) { threshold.Redact(f) }
