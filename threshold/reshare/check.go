package reshare

import (
	"errors"
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/shamir"
)

// check is the echoes that this member saw, and its shares of the syndromes.
func (r *Receiver) check() (body []byte) {
	for _, s := range r.echoes {
		body = s.append(body)
	}
	code := shamir.NewSyndrome(r.used, r.old().T)
	r.opening = shamir.NewOpening(r.next(), code.Len()*r.count)
	shares := r.oldShares()
	for i := range r.count {
		body = appendElements(body, code.Of(column(shares, i)))
	}
	return body
}

// oldShares are this member's shares of the shares of the old members that are
// used: what was said minus the share of its mask.
func (r *Receiver) oldShares() (out [][]shamir.Element) {
	for id := range r.used.All() {
		said, err := shamir.ParseElements(r.masked[id].body[countSize:], r.count)
		if err != nil {
			said = make([]shamir.Element, r.count) // read before: cannot be
		}
		for i := range said {
			said[i] = said[i].Sub(r.masks[id][i])
		}
		out = append(out, said)
	}
	return out
}

func column(rows [][]shamir.Element, i int) []shamir.Element {
	out := make([]shamir.Element, len(rows))
	for j, row := range rows {
		out[j] = row[i]
	}
	return out
}

// readCheck: the echoes that the sender saw, and its shares of the syndromes.
func (r *Receiver) readCheck(m *message) error {
	at := r.next().N * statementSize
	if len(m.body) < at {
		return errors.New("message is too short")
	}
	if err := r.compare(Echo, m.from, m.body[:at], r.echoes); err != nil {
		return err
	}
	shares, err := shamir.ParseElements(m.body[at:], (r.used.Len()-r.old().T-1)*r.count)
	if err != nil {
		return err
	}
	r.syndromes[m.from.Party] = shares
	return nil
}

// closeCheck opens the syndromes, corrects what old members said and computes
// this member's shares.
func (r *Receiver) closeCheck() error {
	if err := r.openSyndromes(); err != nil {
		return err
	}
	code := shamir.NewSyndrome(r.used, r.old().T)
	syndromes, shares := r.opening.Secrets(), r.oldShares()
	var liars threshold.PartySet
	r.result.Shares = make([]shamir.Element, r.count)
	for i := range r.result.Shares {
		wrong, who, ok := code.Errors(syndromes[i*code.Len():][:code.Len()])
		liars |= who
		if silent := r.old().N - r.used.Len(); !ok || silent+liars.Len() > r.old().T {
			return &Abort{Blames: blameAll(Old, liars, "lied about its share; more old members than can be corrected are silent or lied")}
		}
		corrected := column(shares, i)
		for j := range corrected {
			corrected[j] = corrected[j].Sub(wrong[j])
		}
		r.result.Shares[i] = code.Secret(corrected)
	}
	r.blames = append(r.blames, blameAll(Old, liars, "lied about its share")...)
	r.result.Opened = r.opened()
	r.tell(Confirm, Seat{}, r.transcript(liars))
	return r.enter(Confirm)
}

// openSyndromes opens what all members' shares say, with up to t of them wrong
// or missing.
func (r *Receiver) openSyndromes() error {
	for id := range r.next().All().All() {
		if r.syndromes[id] == nil {
			continue
		}
		var corrupt *threshold.CorruptError
		if err := r.opening.Add(id, r.syndromes[id]); errors.As(err, &corrupt) {
			return &Abort{Blames: blameAll(New, corrupt.Liars, "lied about the syndrome")}
		} else if err != nil {
			return err
		}
	}
	liars := blameAll(New, r.opening.Liars(), "lied about the syndrome")
	if r.opening.Secrets() == nil {
		return &Abort{Blames: liars}
	}
	r.blames = append(r.blames, liars...)
	return nil
}

func blameAll(role Role, parties threshold.PartySet, reason string) (out []Blame) {
	for id := range parties.All() {
		out = append(out, Blame{Seat: Seat{role, id}, Reason: reason})
	}
	return out
}

// opened is the (t+1)-th largest of the counts that old members signed: at
// least one honest member has counted as many, and one as few.
func (r *Receiver) opened() uint64 {
	var counts []uint64
	for id := range r.used.All() {
		counts = append(counts, parseCount(r.masked[id].body))
	}
	slices.Sort(counts)
	return counts[len(counts)-1-r.old().T]
}

const transcriptTag = "fhevm reshare transcript"

// transcript is the hash of all that decides the result: session, echoes, the
// messages that are used, who lied, the count.
func (r *Receiver) transcript(liars threshold.PartySet) []byte {
	b := append([]byte(transcriptTag), r.session[:]...)
	for _, s := range r.echoes {
		b = append(b, s.body[:]...)
	}
	b = appendSet(appendSet(b, r.used), liars)
	for id := range r.used.All() {
		b = append(b, r.stated[id].body[:]...)
	}
	for _, s := range r.opening.Secrets() {
		b = s.Append(b)
	}
	d := fhe.Keccak(appendCount(b, r.result.Opened))
	return d[:]
}
