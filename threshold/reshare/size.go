package reshare

import (
	"fhevm/threshold"
	"fhevm/threshold/agree"
	"fhevm/threshold/shamir"
)

// bodySize is the size of every message of a round from one member to another;
// that of Fill is its largest. used is the number of old members whose shares
// are used, which Check depends on.
func (t *table) bodySize(r Round, from, to threshold.PartyID, used int) int {
	old, next := t.plan.Old.Quorum(), t.plan.New.Quorum()
	switch r {
	case Commit:
		return agree.CommitmentsSize(next, from)
	case Open:
		return next.N*statementSize + agree.OpeningSize(next, from, to)
	case Mask:
		return t.count * shamir.ElementSize
	case Masked:
		return countSize + t.count*shamir.ElementSize
	case Echo:
		return old.N * entrySize
	case Fill:
		return fillHeader + old.T*t.maskedSize()
	case Check:
		return next.N*statementSize + max(0, used-old.T-1)*t.count*shamir.ElementSize
	}
	return transcriptSize
}

// maskedSize is the size of a whole message of round Masked.
func (t *table) maskedSize() int { return envelopeSize + t.bodySize(Masked, 0, 0, 0) }

// MaxMessage bounds the messages of a round, in bytes. Whoever fetches one reads
// no more.
func (t *table) MaxMessage(r Round) int {
	most := maxStop
	for from := range t.plan.New.Quorum().All().All() {
		for to := range t.plan.New.Quorum().All().All() {
			most = max(most, t.bodySize(r, from, to, t.plan.Old.Quorum().N))
		}
	}
	return envelopeSize + most
}
