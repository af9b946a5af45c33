package reshare

import (
	"encoding/json"
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Certificate is the word of all new members that each holds its share of the
// new epoch. The old epoch's shares may be erased on the strength of it, once
// the new epoch is in force.
type Certificate struct {
	Attempt    uint32             `json:"attempt"`
	Session    fhe.Digest         `json:"session"`
	Transcript fhe.Digest         `json:"transcript"`
	Signatures []eip712.Signature `json:"signatures"` // of the new members in order
}

// Verify checks that all new members signed.
func (c *Certificate) Verify(old, next *threshold.Committee) error {
	p := &Plan{Old: old, New: next, Attempt: c.Attempt}
	if err := p.Check(); err != nil {
		return err
	}
	if len(c.Signatures) != len(next.Members) {
		return fmt.Errorf("certificate has %d signatures, the new committee %d members", len(c.Signatures), len(next.Members))
	}
	digest, err := p.Digest()
	if err != nil {
		return err
	}
	t := table{plan: p, digest: digest}
	for i, s := range c.Signatures {
		if err := t.verify(c.header(i), statement{fhe.Keccak(c.Transcript[:]), s}); err != nil {
			return fmt.Errorf("certificate: %v: %w", seatOf(i), err)
		}
	}
	return nil
}

func (c *Certificate) header(i int) header {
	return header{round: Confirm, session: c.Session, from: seatOf(i)}
}

// seatOf is the new member at index i.
func seatOf(i int) Seat { return Seat{New, threshold.PartyID(i + 1)} }

// ParseCertificate reads what a member says in round Certified. Nothing in it is
// checked.
func ParseCertificate(b []byte) (*Certificate, error) {
	c := new(Certificate)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return c, nil
}

func (t *table) certificateOf(session, transcript fhe.Digest, signatures map[threshold.PartyID]eip712.Signature) *Certificate {
	c := &Certificate{Attempt: t.plan.Attempt, Session: session, Transcript: transcript}
	for id := range t.plan.New.Quorum().All().All() {
		c.Signatures = append(c.Signatures, signatures[id])
	}
	return c
}

// verify checks a certificate that somebody hands on: that it is of this attempt,
// and of the member's own session.
func (c *Certificate) verify(t *table, session fhe.Digest) error {
	switch {
	case c.Attempt != t.plan.Attempt:
		return fmt.Errorf("certificate is of attempt %d, not %d", c.Attempt, t.plan.Attempt)
	case c.Session != session:
		return errors.New("certificate is of another session")
	}
	return c.Verify(t.plan.Old, t.plan.New)
}

// errNotConfirmed is for a member that holds no shares that the certificate could
// be of.
var errNotConfirmed = errors.New("the certificate says that this member has confirmed, but it has not come so far: its journal is not the one that it confirmed from")

// Certify takes the certificate in the place of the confirmations that are still
// awaited. It speaks for itself, wherever it comes from; one that is not of this
// member's session and transcript changes nothing.
func (r *Receiver) Certify(c *Certificate) error {
	switch {
	case r.failed != nil:
		return r.failed
	case r.round == 0:
		return nil
	case r.round != Confirm:
		return errNotConfirmed
	}
	if err := c.verify(&r.table, r.session); err != nil {
		return err
	}
	if c.Transcript != r.ownTranscript() {
		return errors.New("certificate is of another transcript")
	}
	return r.finish(c)
}

func (r *Receiver) finish(c *Certificate) (err error) {
	if r.word, err = json.Marshal(c); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	r.result.Certificate, r.round = c, 0
	return nil
}

// Certify is as a Receiver's, but an old member has nothing to lose: it takes the
// certificate also before it has come to wait for it.
func (g *Giver) Certify(c *Certificate) error {
	switch {
	case g.failed != nil:
		return g.failed
	case g.round == 0:
		return nil
	}
	session := g.session
	if g.round == Mask {
		session = c.Session // it knows of none as yet
	}
	if err := c.verify(&g.table, session); err != nil {
		return err
	}
	return g.finish(c)
}

func (g *Giver) finish(c *Certificate) (err error) {
	if g.word, err = json.Marshal(c); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	g.certificate, g.round = c, 0
	return nil
}

// Unconfirmed lists the new members whose confirmations are missing.
func (r *Receiver) Unconfirmed() []Seat { return missing(&r.table, r.confirms) }

// Unconfirmed is as a Receiver's.
func (g *Giver) Unconfirmed() []Seat { return missing(&g.table, g.confirms) }

func missing[T any](t *table, confirms map[threshold.PartyID]T) (seats []Seat) {
	for id := range t.plan.New.Quorum().All().All() {
		if _, ok := confirms[id]; !ok {
			seats = append(seats, Seat{New, id})
		}
	}
	return seats
}

// Committed reports whether the member has confirmed: from then on a certificate
// may come about without it. It is to be on record before anyone is told so.
func (r *Receiver) Committed() bool { return r.said[Confirm] != nil }

// Committed reports whether the member has told its masked shares, and its count
// with them: from then on they may be part of a new epoch.
func (g *Giver) Committed() bool { return g.said != nil }
