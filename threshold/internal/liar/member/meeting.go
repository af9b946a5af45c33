package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/ceremony"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"
	"fhevm/threshold/reshare"
)

// next is the epoch that the party helps to begin, of the same people.
type next struct {
	Committee *threshold.Committee
	Attempt   uint32
	Save      string // where its share of that epoch goes
}

// attend takes a seat in a resharing, in both committees, unless the attempt is over.
func (m *member) attend() (err error) {
	plan := &reshare.Plan{Old: m.secret.Committee, New: m.Next.Committee, Attempt: m.Next.Attempt}
	if m.plan, err = plan.Digest(); err != nil {
		return err
	}
	s, err := ceremony.Open(ceremony.Config{
		Plan: plan, Identity: m.identity, Dir: filepath.Join(m.Data, fmt.Sprintf("reshare-%d", plan.New.Epoch.Number)),
		Lender: m.party, Patience: ceremony.Patience{Gather: time.Hour, Round: time.Minute},
	})
	if err != nil {
		fmt.Println("takes no part in the resharing:", err)
		return nil
	}
	m.session = s
	return nil
}

// reshare takes part to the end, which for a liar is seldom a good one.
func (m *member) reshare(ctx context.Context) {
	peers := map[fhe.Digest]ceremony.Peer{}
	for _, other := range m.Next.Committee.Members {
		if p, ok := m.peers[other.Party].(*committee.Client); ok {
			peers[other.TLS] = p
		}
	}
	out, err := m.session.Run(ctx, peers)
	if err == nil && out.Secret != nil {
		err = committee.SaveSecret(m.Next.Save, out.Secret)
	}
	fmt.Println("resharing ended:", err)
}

// offices are the roles in which a liar can lie in a resharing: in the other one it
// behaves.
var offices = map[string]reshare.Role{"old": reshare.Old, "new": reshare.New}

// fetch answers a resharing's call: rightly, unless the orders are for the role that is
// asked.
func (c *call) fetch() error {
	var r committee.FetchRequest
	if err := json.Unmarshal(c.request, &r); err != nil {
		return err
	}
	role, manner, ok := strings.Cut(c.Manner, " ")
	if !ok || offices[role] != reshare.Role(r.From) {
		return behave(c)
	}
	switch manner {
	case "lie":
		return c.misstate(&r, false)
	case "equivocate":
		return c.misstate(&r, true)
	}
	c.Manner = manner
	return c.answer()
}

const (
	headerSize    = 1 + 32 + 2 + 2 // SPEC 6.15: round, session, from, to
	signatureSize = 65
)

// spoken are the rounds of a new member that a liar can be told by the seed to lie in.
var spoken = []reshare.Round{reshare.Commit, reshare.Open, reshare.Mask, reshare.Echo, reshare.Fill, reshare.Check, reshare.Confirm}

// misstate changes what is said in one round and signs it: for all alike, or for each
// caller in another way.
func (c *call) misstate(r *committee.FetchRequest, apart bool) error {
	first, err := c.session.Table.Fetch(c.Context(), c.caller, &committee.FetchRequest{Plan: r.Plan, Round: r.Round, From: r.From, To: r.To})
	if err != nil {
		return err
	}
	b := append([]byte(nil), first.Piece...)
	for len(b) < first.Size {
		rest, err := c.session.Table.Fetch(c.Context(), c.caller, &committee.FetchRequest{Plan: r.Plan, Round: r.Round, From: r.From, To: r.To, Offset: len(b)})
		if err != nil {
			return err
		}
		b = append(b, rest.Piece...)
	}
	rng := c.seeded(nil)
	round := reshare.Masked
	if reshare.Role(r.From) == reshare.New {
		round = spoken[c.seed%uint64(len(spoken))]
	}
	if apart {
		rng = rand.New(rand.NewPCG(rng.Uint64(), uint64(c.To)))
	}
	if reshare.Round(r.Round) == round && len(b) > headerSize+signatureSize {
		body := b[headerSize : len(b)-signatureSize]
		for range 1 + rng.IntN(3) {
			body[rng.IntN(len(body))] ^= 1 << rng.IntN(8)
		}
		hash := fhe.Keccak(body)
		s := eip712.Sign(c.identity.Signer, fhe.Keccak([]byte("fhevm reshare message"), c.plan[:], b[:headerSize], hash[:]))
		copy(b[len(b)-signatureSize:], s[:])
		c.Deserves = round.String()
	}
	if r.Offset > len(b) {
		r.Offset = len(b)
	}
	return c.sendJSON(&committee.FetchAnswer{Size: len(b), Piece: b[r.Offset:min(len(b), r.Offset+committee.MaxPiece)]})
}
