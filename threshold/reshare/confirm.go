package reshare

import (
	"encoding/binary"
	"errors"

	"fhevm/fhe"
	"fhevm/threshold"
)

// readConfirm: the hash of the transcript. All else was compared before, so who
// signs another one lies.
func (r *Receiver) readConfirm(m *message) error {
	if fhe.Digest(m.body) != r.ownTranscript() {
		return errors.New("it signs another transcript")
	}
	r.confirms[m.from.Party] = m.signature
	return nil
}

// settle ends the attempt when all new members have confirmed, or when t+1 have
// said that their attempts are over: one of those is honest and never confirms.
// Nothing else ends it, since this member's own confirmation may by now be part of
// a certificate that it has not seen.
func (r *Receiver) settle() error {
	if len(r.stopped) > r.next().T {
		return r.abort(&Abort{})
	}
	if len(r.confirms) < r.next().N {
		return nil
	}
	return r.finish(r.certificateOf(r.session, r.ownTranscript(), r.confirms))
}

func (r *Receiver) ownTranscript() fhe.Digest {
	return fhe.Digest(r.said[Confirm][Seat{}][headerSize:])
}

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
	return (&table{plan: p, digest: digest, count: 1}).convicts(b)
}

func (t *table) convicts(b Blame) error {
	if len(b.Evidence) != 2 {
		return errors.New("there is no evidence but the accuser's word")
	}
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
