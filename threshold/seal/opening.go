package seal

import (
	"fmt"
	"slices"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/prss"
)

// Opening combines the parties' answers to one request in the wallet. Answers
// are added in any order as they arrive; Values succeeds once 2t+1 of them
// agree. A wrong answer is a Blame and otherwise without effect.
//
// Answers are grouped by their squashed digests: parties that were given
// different squashed bytes do not spoil each other's shares, and only a group
// of 2t+1 opens.
type Opening struct {
	context   *Context
	committee *threshold.Committee
	margin    prss.Margin
	key       *TransportKey
	groups    map[string]*decrypt.Combiner // by concatenated digests
	heard     threshold.PartySet
	blames    []threshold.Blame
	done      *decrypt.Combiner
}

// NewOpening begins the opening of a request's answers.
func NewOpening(c *Context, committee *threshold.Committee, key *TransportKey) (*Opening, error) {
	if err := committee.Check(); err != nil {
		return nil, err
	}
	m, err := prss.MarginOf(committee)
	if err != nil {
		return nil, err
	}
	return &Opening{context: c, committee: committee, margin: m, key: key, groups: map[string]*decrypt.Combiner{}}, nil
}

// Add takes in an answer and reports whether the values are open. The first
// authentic answer of each party counts. The error is a
// *threshold.CorruptError: the committee is beyond what can be relied upon.
func (o *Opening) Add(a *Answer) (done bool, err error) {
	if o.heard.Has(a.Party) {
		return o.done != nil, nil
	}
	if err := o.verify(a); err != nil {
		o.blame(0, fmt.Sprintf("sent an answer in the name of party %d that is not authentic: %v", a.Party, err))
		return o.done != nil, nil
	}
	shares, err := a.open(o.context, o.key)
	if err != nil {
		o.blame(a.Party, fmt.Sprintf("%s: %v", threshold.UnusableBytes, err))
		return o.done != nil, nil
	}
	o.heard = o.heard.With(a.Party)
	g := o.group(a.Digests)
	if err := g.Add(a.Party, shares); err != nil {
		return false, err
	}
	if g.Done() {
		o.done = g
	}
	return o.done != nil, nil
}

func (o *Opening) verify(a *Answer) error {
	member, err := o.committee.Member(a.Party)
	if err != nil {
		return err
	}
	return a.verify(o.context, member.Signer)
}

// Values returns the values in the order of the request's handles. It fails
// with decrypt.ErrNotDone until Add reports done, and with
// decrypt.ErrUndecodable if what was opened is no value.
func (o *Opening) Values() ([]*uint256.Int, error) {
	if o.done == nil {
		return nil, decrypt.ErrNotDone
	}
	return o.done.Values()
}

// Heard returns the parties whose authentic answers were added.
func (o *Opening) Heard() threshold.PartySet { return o.heard }

// Blames lists what was wrong with answers, sorted by party. A party is blamed
// for what it signed. An answer that is not authentic comes from somebody, perhaps
// from who relayed it: it is held against party 0, which is nobody.
func (o *Opening) Blames() []threshold.Blame {
	out := slices.Clone(o.blames)
	for _, g := range o.groups {
		for id := range g.Liars().All() {
			out = append(out, threshold.Blame{Party: id, Reason: threshold.WrongShares})
		}
		if o.done != nil && g != o.done {
			for id := range g.Heard().All() {
				out = append(out, threshold.Blame{Party: id, Reason: threshold.OtherCiphertexts})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b threshold.Blame) int { return int(a.Party) - int(b.Party) })
	return out
}

// maxStrangers bounds what answers that are not authentic can make an Opening
// remember.
const maxStrangers = 64

// blame remembers one reason for each party, and different ones for nobody.
func (o *Opening) blame(id threshold.PartyID, reason string) {
	known := func(b threshold.Blame) bool { return b.Party == id && (id != 0 || b.Reason == reason) }
	if slices.ContainsFunc(o.blames, known) || (id == 0 && len(o.blames) >= maxStrangers) {
		return
	}
	o.blames = append(o.blames, threshold.Blame{Party: id, Reason: reason})
}

func (o *Opening) group(digests []fhe.Digest) *decrypt.Combiner {
	var name []byte
	for _, d := range digests {
		name = append(name, d[:]...)
	}
	g, ok := o.groups[string(name)]
	if !ok {
		g = decrypt.NewCombiner(o.margin, decrypt.Types(o.context.Handles))
		o.groups[string(name)] = g
	}
	return g
}
