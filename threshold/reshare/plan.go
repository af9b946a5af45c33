package reshare

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/prss"
)

// Plan says from whom to whom. All who take part must have the same one.
type Plan struct {
	Old *threshold.Committee
	New *threshold.Committee
	// Attempt counts attempts at the same step, from 1. A party takes part in an
	// attempt once, so that whoever signs two different messages of one cheats.
	Attempt uint32
}

// Check reports what is wrong with p: a new epoch that is not the next one, or
// one of another key, or without flooding margin.
func (p *Plan) Check() error {
	if err := p.Old.Check(); err != nil {
		return fmt.Errorf("old committee: %w", err)
	}
	if err := p.New.Check(); err != nil {
		return fmt.Errorf("new committee: %w", err)
	}
	old, next := p.Old.Epoch, p.New.Epoch
	switch {
	case p.Attempt == 0:
		return errors.New("attempts count from 1")
	case next.Number != old.Number+1:
		return fmt.Errorf("the new committee is of epoch %d, the one after %d is %d", next.Number, old.Number, old.Number+1)
	case next.Key != old.Key || next.SquashKey != old.SquashKey:
		return errors.New("the new committee is for another key: resharing keeps the key")
	case p.New.Noise < p.Old.Noise:
		return fmt.Errorf("the new committee drowns noise up to %d, the key makes up to %d", p.New.Noise, p.Old.Noise)
	}
	_, err := prss.MarginOf(p.New)
	return err
}

const planTag = "fhevm reshare plan"

// Digest names the attempt: Keccak-256(tag | attempt(4) | Keccak(old) |
// Keccak(new)) of both committees' JSON without spaces.
func (p *Plan) Digest() (fhe.Digest, error) {
	h := [][]byte{[]byte(planTag), binary.BigEndian.AppendUint32(nil, p.Attempt)}
	for _, c := range []*threshold.Committee{p.Old, p.New} {
		b, err := json.Marshal(c)
		if err != nil {
			return fhe.Digest{}, fmt.Errorf("encode committee: %w", err)
		}
		d := fhe.Keccak(b)
		h = append(h, d[:])
	}
	return fhe.Keccak(h...), nil
}

// Role says in which committee a member sits.
type Role uint8

// The roles.
const (
	Old Role = 1
	New Role = 2
)

// String is "old" or "new".
func (r Role) String() string {
	if r == Old {
		return "old"
	}
	return "new"
}

// Seat is one member of one of the committees. The zero Seat is everyone.
type Seat struct {
	Role  Role              `json:"role"`
	Party threshold.PartyID `json:"party"`
}

// String is such as "new party 3".
func (s Seat) String() string { return fmt.Sprintf("%v party %d", s.Role, s.Party) }

// Committee is that of a role.
func (p *Plan) Committee(r Role) *threshold.Committee {
	if r == Old {
		return p.Old
	}
	return p.New
}

// Member describes who sits at s.
func (p *Plan) Member(s Seat) (threshold.Member, error) {
	if s.Role != Old && s.Role != New {
		return threshold.Member{}, fmt.Errorf("there is no role %d", s.Role)
	}
	return p.Committee(s.Role).Member(s.Party)
}
