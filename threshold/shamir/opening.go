package shamir

import (
	"fmt"

	"fhevm/threshold"
)

// Opening is the robust, asynchronous opening of a batch of secrets that were
// shared with degree t (RobustOpen, eprint 2025/699, figure 45). Shares are
// added as they come, from whom they come; there is no round to wait for.
//
// A polynomial is accepted when 2t+1 received shares lie on it: among those,
// t+1 are honest and fix it. So with m shares received m-2t-1 may be wrong,
// and all n-t honest parties always suffice.
//
// The liars found in either field, over all secrets, are united. More than t
// end the opening with a *threshold.CorruptError, since a set of t liars in
// one field and t others in the second would otherwise pass unseen.
type Opening struct {
	quorum  threshold.Quorum
	count   int
	shares  [threshold.MaxParties + 1][]Element
	heard   threshold.PartySet // parties with usable shares
	broken  threshold.PartySet // parties with unusable ones
	liars   threshold.PartySet // broken, and those whose shares lie off the polynomials
	secrets []Element          // nil until open
}

// NewOpening begins the opening of count secrets.
func NewOpening(q threshold.Quorum, count int) *Opening { return &Opening{quorum: q, count: count} }

// Add takes in a party's shares, one for each secret. It keeps the slice. Only
// the first call for a party counts; a wrong number of shares or one that is
// not canonical makes the party a liar. Shares that come after the secrets are
// open still serve to name liars.
func (o *Opening) Add(id threshold.PartyID, shares []Element) error {
	if !o.quorum.Has(id) {
		return fmt.Errorf("party %d is not in the committee of %d", id, o.quorum.N)
	}
	if o.heard.Has(id) || o.broken.Has(id) {
		return nil
	}
	if len(shares) != o.count || !allValid(shares) {
		o.broken = o.broken.With(id)
	} else {
		o.heard = o.heard.With(id)
		o.shares[id] = shares
	}
	return o.open()
}

// Secrets returns the secrets once they are open, else nil.
func (o *Opening) Secrets() []Element { return o.secrets }

// Liars returns the parties known to have sent wrong shares so far.
func (o *Opening) Liars() threshold.PartySet { return o.liars }

// Heard returns the parties whose shares have come in, right or wrong.
func (o *Opening) Heard() threshold.PartySet { return o.heard | o.broken }

func (o *Opening) open() error {
	secrets, liars, ok := o.decodeAll()
	o.liars |= liars | o.broken
	everyone := o.Heard() == o.quorum.All()
	if o.liars.Len() > o.quorum.T || (!ok && everyone) {
		o.secrets = nil
		return &threshold.CorruptError{Liars: o.liars, Max: o.quorum.T}
	}
	if ok {
		o.secrets = secrets
	}
	return nil
}

func (o *Opening) decodeAll() (secrets []Element, liars threshold.PartySet, ok bool) {
	if o.heard.Len() < o.quorum.Agree() {
		return nil, 0, false
	}
	secrets = make([]Element, o.count)
	for k, f := range Fields {
		c := newCode(f, o.heard, o.quorum.T)
		values := make([]uint64, 0, o.heard.Len())
		for i := range secrets {
			values = values[:0]
			for id := range o.heard.All() {
				values = append(values, o.shares[id][i][k])
			}
			secret, wrong, ok := c.decode(values)
			if !ok || o.heard.Len()-wrong.Len() < o.quorum.Agree() {
				return nil, 0, false
			}
			secrets[i][k] = secret
			liars |= wrong
		}
	}
	return secrets, liars, true
}

func allValid(shares []Element) bool {
	for _, s := range shares {
		if !s.Valid() {
			return false
		}
	}
	return true
}
