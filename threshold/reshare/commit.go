package reshare

import "fhevm/fhe"

// readCommit: commitments to contributions for the keys of all sets of the
// sender.
func (r *Receiver) readCommit(m *message) error {
	r.commits[m.from.Party-1] = m.statement()
	r.commitments[m.from.Party] = m.raw
	return r.agreement.AddCommitments(m.from.Party, m.body)
}

const sessionTag = "fhevm reshare session"

// closeCommit: the session commits to everybody's commitments. Each other
// member is told which ones this one saw, and gets its contributions to the
// sets that both are members of.
func (r *Receiver) closeCommit() error {
	var saw, hashes []byte
	for _, s := range r.commits {
		saw, hashes = s.append(saw), append(hashes, s.body[:]...)
	}
	r.session = fhe.Keccak([]byte(sessionTag), r.digest[:], hashes)
	for id := range r.next().All().All() {
		body := append(append([]byte{}, saw...), r.agreement.Opening(id)...)
		r.tell(Open, Seat{New, id}, body)
	}
	return r.enter(Open)
}

// compare finds who is to blame if a member saw other messages of a round than
// this one did: who signed two different ones, or the member, if it shows what
// nobody signed.
func (r *Receiver) compare(round Round, by Seat, saw []byte, own []statement) error {
	for i, mine := range own {
		theirs := parseStatement(saw[i*statementSize:])
		if theirs.body == mine.body {
			continue
		}
		h := header{round: round, session: r.session, from: seatOf(i)}
		if round == Commit {
			h.session = fhe.Digest{}
		}
		if err := r.verify(h, theirs); err != nil {
			return guilty(by, nil, "reports a message of %v that it did not sign", h.from)
		}
		return guilty(h.from, [][]byte{mine.testify(h), theirs.testify(h)}, "told others something else in round %q", round)
	}
	return nil
}
