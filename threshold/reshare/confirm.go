package reshare

import (
	"encoding/binary"
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// readConfirm: the hash of the transcript. All else was compared before, so who
// signs another one lies.
func (r *Receiver) readConfirm(m *message) error {
	if own := r.said[Confirm][Seat{}]; string(m.body) != string(own[headerSize:][:transcriptSize]) {
		return guilty(m.from, nil, "signs another transcript")
	}
	r.confirms[m.from.Party-1] = m.signature
	return nil
}

// closeConfirm: all new members have their shares and say so.
func (r *Receiver) closeConfirm() error {
	own := r.said[Confirm][Seat{}]
	r.result.Certificate = &Certificate{
		Attempt: r.plan.Attempt, Session: r.session,
		Transcript: fhe.Digest(own[headerSize:]), Signatures: r.confirms,
	}
	r.round = 0
	return nil
}

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

func appendSet(b []byte, s threshold.PartySet) []byte {
	return binary.BigEndian.AppendUint16(b, uint16(s))
}

func appendCount(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }

// testify is a statement with the header that it was signed under.
func (s statement) testify(h header) []byte { return s.append(h.append(nil)) }

// Convicts reports whether a blame's evidence proves it to whoever knows the
// plan: the member signed two different messages of one round to everyone, or
// an opening that does not fit its commitments.
func Convicts(p *Plan, b Blame) error {
	digest, err := p.Digest()
	if err != nil {
		return err
	}
	if len(b.Evidence) != 2 {
		return errors.New("there is no evidence but the accuser's word")
	}
	t := &table{plan: p, digest: digest, count: 1}
	if len(b.Evidence[0]) == headerSize+statementSize {
		return t.convictsTwice(b)
	}
	commit, err := t.read(Commit, b.Seat, Seat{}, b.Evidence[0])
	if err != nil {
		return err
	}
	open, err := parse(b.Evidence[1])
	if err != nil {
		return err
	}
	if _, err := t.read(Open, b.Seat, Seat{New, open.to.Party}, b.Evidence[1]); err != nil {
		return err
	}
	if !contradict(t, commit, open) {
		return errors.New("the opening fits the commitments")
	}
	return nil
}

// convictsTwice checks two statements under one header.
func (t *table) convictsTwice(b Blame) error {
	var bodies [2]fhe.Digest
	for i, e := range b.Evidence {
		m, err := parse(e)
		if err != nil || len(e) != headerSize+statementSize {
			return errors.New("evidence is malformed")
		}
		s := parseStatement(e[headerSize:])
		if m.round == Stop || m.from != b.Seat || m.to != (Seat{}) || string(e[:headerSize]) != string(b.Evidence[0][:headerSize]) {
			return errors.New("evidence is of different messages")
		}
		if err := t.verify(m.header, s); err != nil {
			return err
		}
		bodies[i] = s.body
	}
	if bodies[0] == bodies[1] {
		return errors.New("both messages are the same")
	}
	return nil
}
