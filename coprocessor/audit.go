package coprocessor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// Claim is a coprocessor's word for the ciphertext of a handle, with what it keeps
// of it.
type Claim struct {
	Packed []byte // the digest of which is signed; nil in findings
	Signed SignedDigest
	Signer fhe.Address
}

// NewClaim checks that a signature is by one of the network's coprocessors, of the
// digest of packed as the ciphertext of h. A stranger's word would prove nothing, and
// other bytes than those that were signed recover a stranger too.
func NewClaim(domain fhe.Domain, coprocessors []fhe.Address, h fhe.Handle, packed, signature []byte) (*Claim, error) {
	c := &Claim{Packed: packed, Signed: SignedDigest{Handle: h, Kind: fhe.OfCiphertext, Digest: fhe.Keccak(packed), Signature: signature}}
	var err error
	if c.Signer, err = c.Signed.Recover(domain); err != nil {
		return nil, fmt.Errorf("claim on %s: %w", h, err)
	}
	if !slices.Contains(coprocessors, c.Signer) {
		return nil, fmt.Errorf("claim on %s: signed by %s, who is none of the network's coprocessors, or over other bytes", h, c.Signer)
	}
	return c, nil
}

// Finding is what an audit says of one handle.
type Finding struct {
	Handle   fhe.Handle
	Block    uint64
	Kind     string
	Claim    *Claim
	Operands []*Claim   // on values from earlier transactions, which were taken as claimed
	Computed fhe.Digest // of what the audit made
	Err      error      // why there is nothing to compare
}

// Agrees reports whether the claim holds.
func (f *Finding) Agrees() bool {
	return f.Err == nil && f.Claim.Signed.Digest == f.Computed
}

// auditStep is the number of handles that an audit has in progress.
const auditStep = 256

// AuditConfig says what to audit.
type AuditConfig struct {
	Handles []fhe.Handle // in the order in which the log defines them
	// Fetch gets the other coprocessor's claim on a handle, which the audit may change.
	Fetch func(context.Context, fhe.Handle) (*Claim, error)
	// Alone computes everything from the chain's inputs up and takes nothing as
	// claimed, but input lists that were posted to the other coprocessor.
	Alone  bool
	Report func(*Finding)
}

// Audit computes handles again that another coprocessor has computed, and reports
// on each, in order. What their transactions took from storage, it
// takes as fetched from the other, unless that is to be audited too or cannot be
// fetched; so the cost is that of the handles alone.
//
// It keeps the claims of a few hundred handles at a time, and fetches one again that is taken
// later too: a coprocessor that claims something else then has not shown what the finding rests on.
//
// c must have appended the whole log without its wants, and run. It is of no
// other use afterwards: it holds values that it has not computed.
func (c *Coprocessor) Audit(ctx context.Context, cfg AuditConfig) error {
	a := audit{AuditConfig: cfg, c: c, audited: make(map[store.ID]bool), taken: make(map[fhe.Handle]fhe.Digest)}
	for _, h := range cfg.Handles {
		group, err := a.group(h)
		if err != nil {
			return err
		}
		a.audited[group] = true
	}
	for part := range slices.Chunk(cfg.Handles, auditStep) {
		if err := a.step(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

type audit struct {
	AuditConfig
	c       *Coprocessor
	audited map[store.ID]bool         // computations whose results are in question
	taken   map[fhe.Handle]fhe.Digest // operands that were met: what was taken as claimed, zero for what the audit computes
	claims  map[fhe.Handle]*Claim     // of the operands that the step at hand takes, without their ciphertexts
}

// step audits some handles at a time, so that their bootstraps share batches. Claims
// are forgotten with it.
func (a *audit) step(ctx context.Context, handles []fhe.Handle) error {
	a.claims = make(map[fhe.Handle]*Claim)
	findings := make([]*Finding, len(handles))
	for i, h := range handles {
		findings[i] = &Finding{Handle: h}
		if err := a.prepare(ctx, findings[i]); err != nil {
			return err
		}
	}
	if err := a.want(handles); err != nil {
		return err
	}
	for i, f := range findings {
		if err := a.finish(ctx, f); err != nil {
			return err
		}
		a.Report(f)
		findings[i] = nil
	}
	return nil
}

// prepare fetches what the computation of a handle takes from storage.
func (a *audit) prepare(ctx context.Context, f *Finding) error {
	operands, err := a.c.frontier(f.Handle)
	if err != nil {
		return err
	}
	for _, h := range operands {
		claim, err := a.operand(ctx, h)
		switch {
		case errors.Is(err, errWithdrawn):
			f.Err = errors.Join(f.Err, err)
		case err != nil:
			return err
		case claim != nil:
			f.Operands = append(f.Operands, claim)
		}
	}
	return nil
}

// operand returns the claim on a value that was taken as claimed, nil if the audit has
// to compute it.
func (a *audit) operand(ctx context.Context, h fhe.Handle) (*Claim, error) {
	if claim, ok := a.claims[h]; ok {
		return claim, nil
	}
	digest, met := a.taken[h]
	claim, err := (*Claim)(nil), error(nil)
	switch {
	case !met:
		claim, err = a.adopt(ctx, h)
	case digest != fhe.Digest{}:
		claim, err = a.again(ctx, h, digest)
	}
	if err != nil {
		return nil, err
	}
	a.taken[h] = fhe.Digest{}
	if claim != nil {
		a.taken[h], claim.Packed = claim.Signed.Digest, nil
	}
	a.claims[h] = claim
	return claim, nil
}

// adopt takes a value as claimed. It returns nil if the audit has to compute it.
func (a *audit) adopt(ctx context.Context, h fhe.Handle) (*Claim, error) {
	group, err := a.group(h)
	if a.audited[group] || err != nil {
		return nil, err
	}
	if a.Alone {
		if posted, err := a.posted(h); !posted || err != nil {
			return nil, err
		}
	}
	claim, err := a.Fetch(ctx, h)
	if err == nil {
		err = a.c.adopt(h, claim.Packed)
	}
	if err != nil {
		return nil, ctx.Err() // not to be had, or not what it should be
	}
	return claim, nil
}

// errWithdrawn says that a finding rests on a claim that is not made any more.
var errWithdrawn = errors.New("the coprocessor does not claim any more what it claimed before")

// again fetches the claim on a value that an earlier step took. Its error is
// errWithdrawn, or that of ctx.
func (a *audit) again(ctx context.Context, h fhe.Handle, digest fhe.Digest) (*Claim, error) {
	claim, err := a.Fetch(ctx, h)
	if err == nil && claim.Signed.Digest != digest {
		err = fmt.Errorf("digest %s, and now %s", digest, claim.Signed.Digest)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("operand %s: %w: %w", h, errWithdrawn, err)
	}
	return claim, nil
}

// want has the handles computed, by a block of its own behind the log.
func (a *audit) want(handles []fhe.Handle) error {
	cursor, _, err := a.c.Cursor()
	if err != nil {
		return err
	}
	b := fhe.Batch{Number: cursor.Number + 1}
	for _, h := range handles {
		b.Entries = append(b.Entries, fhe.Entry{Wanted: &h})
	}
	return a.c.Append(b)
}

// finish waits for a handle and compares.
func (a *audit) finish(ctx context.Context, f *Finding) error {
	var claimed, computed error
	f.Claim, claimed = a.Fetch(ctx, f.Handle)
	computed = a.c.Wait(ctx, f.Handle)
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.Claim != nil {
		f.Claim.Packed = nil // its digest is what counts
	}
	f.Err = errors.Join(f.Err, claimed, computed)
	status, err := a.c.Status(f.Handle)
	f.Block, f.Kind, f.Computed = status.Block, status.Kind, status.Digest
	return err
}

// group names the computation that makes h: all its results are packed together.
func (a *audit) group(h fhe.Handle) (store.ID, error) {
	binding, err := a.c.store.Binding(h)
	if err != nil {
		return store.ID{}, err
	}
	if binding == nil {
		return store.ID{}, fmt.Errorf("audit %s: %w", h, ErrUnknown)
	}
	n, err := a.c.store.Node(binding.Content)
	if err != nil {
		return store.ID{}, err
	}
	return a.c.store.Group(binding.Content, n), nil
}

// posted reports whether h is a value of an input list that the chain does not have.
func (a *audit) posted(h fhe.Handle) (bool, error) {
	binding, err := a.c.store.Binding(h)
	if err != nil || len(binding.Derivation) > 0 {
		return false, err
	}
	n, err := a.c.store.Node(binding.Content)
	if err != nil {
		return false, err
	}
	enc, err := a.c.store.List(n.List)
	return fhe.IsAttested(enc), err
}

// frontier lists the operands from storage that h is made of, up to the beginning of
// its transaction, each once.
func (c *Coprocessor) frontier(h fhe.Handle) (operands []fhe.Handle, err error) {
	seen := map[fhe.Handle]bool{h: true}
	for open := []fhe.Handle{h}; len(open) > 0; {
		next := open[len(open)-1]
		open = open[:len(open)-1]
		binding, err := c.store.Binding(next)
		if binding == nil || err != nil {
			return nil, err
		}
		d, err := derivation(next, binding)
		if err != nil {
			return nil, err
		}
		for _, o := range d.Operands {
			if o.Kind == fhe.Clear || seen[o.Handle()] {
				continue
			}
			seen[o.Handle()] = true
			if o.Kind == fhe.Made {
				open = append(open, o.Handle())
			} else {
				operands = append(operands, o.Handle())
			}
		}
	}
	return operands, nil
}

// adopt stores what another coprocessor keeps of h, as if it had been computed here.
func (c *Coprocessor) adopt(h fhe.Handle, packed []byte) error {
	_, id, err := c.status(h)
	if err != nil {
		return err
	}
	n, err := c.store.Node(id)
	if err != nil {
		return err
	}
	p := new(radix.Packed)
	if err := p.UnmarshalBinary(packed); err != nil {
		return err
	}
	if types := p.Types(); int(n.Index) >= len(types) || types[n.Index] != h.Type() {
		return fmt.Errorf("value %d of the packed ciphertext of %s is no %s", n.Index, h, h.Type())
	}
	return c.store.Adopt(id, n, packed)
}
