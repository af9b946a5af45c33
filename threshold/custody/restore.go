package custody

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age"
)

// NamedShare is a share's file, with a name for people.
type NamedShare struct {
	Name string
	File []byte
}

// Problem is a share that is of no use, and why.
type Problem struct {
	Name string
	Err  error
}

// String is such as "share-02.age: it is damaged".
func (p Problem) String() string { return fmt.Sprintf("%s: %v", p.Name, p.Err) }

// Recover puts a backup together again from shares that custodians encrypted to id. It
// returns also the shares that are of no use, with which it succeeds as long as
// enough others are there.
func Recover(m *Manifest, payload []byte, shares []NamedShare, id age.Identity) (*Contents, []Problem, error) {
	if len(payload) != m.Size || sha256.Sum256(payload) != m.Payload {
		return nil, nil, fmt.Errorf("the payload is not the one that the manifest names: take another copy of it")
	}
	good, problems := m.sort(shares, id)
	if len(good) < m.Threshold {
		var list strings.Builder
		for _, p := range problems {
			fmt.Fprintf(&list, "\n  %v", p)
		}
		return nil, problems, fmt.Errorf("%d good shares, %d are needed%s", len(good), m.Threshold, list.String())
	}
	key := join(good[:m.Threshold])
	defer clear(key)
	c, err := m.unseal(key, payload)
	return c, problems, err
}

// sort opens the shares and keeps those that the manifest vouches for, one of each
// custodian.
func (m *Manifest) sort(shares []NamedShare, id age.Identity) (good []*Share, problems []Problem) {
	from := map[byte]string{}
	for _, n := range shares {
		s, err := openShare(n.File, id)
		if err == nil {
			err = m.vouch(s)
		}
		if err == nil && from[s.Index] != "" {
			err = fmt.Errorf("it is the share of custodian %d, as %s is", s.Index, from[s.Index])
		}
		if err != nil {
			problems = append(problems, Problem{n.Name, err})
			continue
		}
		from[s.Index] = n.Name
		good = append(good, s)
	}
	return good, problems
}

func (m *Manifest) vouch(s *Share) error {
	switch {
	case s.Backup != m.ID:
		return fmt.Errorf("it is of another backup, of party %d", s.Party)
	case int(s.Index) > len(m.Custodians) || m.Custodians[s.Index-1].Share != s.commitment():
		return fmt.Errorf("it is not what custodian %d was given", s.Index)
	}
	return nil
}

// unseal decrypts the payload and looks whether it is what the manifest says.
func (m *Manifest) unseal(key, payload []byte) (*Contents, error) {
	gcm, nonce, err := aead(key)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, payload, m.ID[:])
	if err != nil {
		return nil, fmt.Errorf("the shares do not open the payload: %w", err)
	}
	c, err := parseContents(plain)
	if err != nil {
		return nil, err
	}
	h, err := c.open()
	if err != nil {
		return nil, err
	}
	if h.signer() != m.Signer || h.key != m.Key || !slices.Equal(h.seats, m.Seats) {
		return nil, fmt.Errorf("the backup holds another party than its manifest says")
	}
	return c, nil
}
