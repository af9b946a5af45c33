package reshare

import (
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Round is a step of the protocol, from 1.
type Round uint8

// The rounds in their order.
const (
	Commit Round = 1 + iota
	Open
	Mask
	Masked
	Echo
	Fill
	Check
	Confirm
	Certified
)

var roundNames = [...]string{"none", "commit", "open", "mask", "masked", "echo", "fill", "check", "confirm", "certificate", "stop"}

// String is the round's name.
func (r Round) String() string {
	if int(r) >= len(roundNames) {
		return "unknown"
	}
	return roundNames[r]
}

// header is what a message says of itself.
type header struct {
	round    Round
	session  fhe.Digest // zero in round Commit
	from, to Seat       // to is zero where all get the same
}

// message is a signed message.
type message struct {
	header
	body      []byte
	signature eip712.Signature
	raw       []byte // the whole of it
}

const (
	messageTag     = "fhevm reshare message"
	headerSize     = 1 + 32 + 2 + 2
	signatureSize  = 65
	envelopeSize   = headerSize + signatureSize
	statementSize  = 32 + signatureSize // of a message that others saw: hash of its body, signature
	entrySize      = 1 + statementSize  // of a statement that may be missing
	countSize      = 8
	transcriptSize = 32
)

func (h *header) append(b []byte) []byte {
	b = append(append(b, byte(h.round)), h.session[:]...)
	return append(b, byte(h.from.Role), byte(h.from.Party), byte(h.to.Role), byte(h.to.Party))
}

// digest is what the sender signs: Keccak(tag | plan | header | Keccak(body)).
func (h *header) digest(plan, body fhe.Digest) fhe.Digest {
	return fhe.Keccak([]byte(messageTag), plan[:], h.append(nil), body[:])
}

// sign makes a message's encoding: header | body | signature.
func sign(key *secp256k1.PrivateKey, plan fhe.Digest, h header, body []byte) []byte {
	s := eip712.Sign(key, h.digest(plan, fhe.Keccak(body)))
	b := h.append(make([]byte, 0, envelopeSize+len(body)))
	return append(append(b, body...), s[:]...)
}

// parse decodes a message without looking at its signature. It shares b's memory.
func parse(b []byte) (*message, error) {
	if len(b) < envelopeSize {
		return nil, fmt.Errorf("message has %d bytes, want at least %d", len(b), envelopeSize)
	}
	m := &message{raw: b, body: b[headerSize : len(b)-signatureSize], signature: eip712.Signature(b[len(b)-signatureSize:])}
	m.round, m.session = Round(b[0]), fhe.Digest(b[1:33])
	m.from = Seat{Role(b[33]), threshold.PartyID(b[34])}
	m.to = Seat{Role(b[35]), threshold.PartyID(b[36])}
	return m, nil
}

// read decodes a message that must be of the given round, sender and receiver,
// and signed by the sender. The session is the caller's to check.
func (t *table) read(round Round, from, to Seat, b []byte) (*message, error) {
	m, err := parse(b)
	if err != nil {
		return nil, err
	}
	if m.round != round || m.from != from || m.to != to {
		return nil, errors.New("message is of another round, sender or receiver")
	}
	return m, t.verify(m.header, statement{fhe.Keccak(m.body), m.signature})
}

// statement is what is left of a message for those who compare: who signed what.
type statement struct {
	body      fhe.Digest // hash
	signature eip712.Signature
}

func (m *message) statement() statement { return statement{fhe.Keccak(m.body), m.signature} }

func (s statement) append(b []byte) []byte { return append(append(b, s.body[:]...), s.signature[:]...) }

func parseStatement(b []byte) statement {
	return statement{fhe.Digest(b[:32]), eip712.Signature(b[32:statementSize])}
}

// table is what both roles know: the plan and who they are in it.
type table struct {
	plan   *Plan
	digest fhe.Digest // of the plan
	self   Seat
	key    *secp256k1.PrivateKey
	count  int // secrets
}

// verify reports a statement under a header that the header's sender did not sign.
func (t *table) verify(h header, s statement) error {
	member, err := t.plan.Member(h.from)
	if err != nil {
		return err
	}
	signer, err := s.signature.Recover(h.digest(t.digest, s.body))
	if err != nil || signer != member.Signer {
		return errors.New("message is not signed by its sender")
	}
	return nil
}

// Patience is for how many units of time a member waits in round r for the rest
// of its senders, once t+1 of them were heard, one of whom is honest. An honest
// sender may be behind by what it waited in the round before, for somebody who
// spoke to others alone, so that every round has a unit more.
func (r Round) Patience() int { return int(r) }
