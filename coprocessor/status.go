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

// Reasons why a handle has no ciphertext.
var (
	ErrUnknown  = errors.New("the log has not defined this handle")
	ErrUnwanted = errors.New("nothing wants this handle: no persistent grant or public mark reached the log")
	ErrPending  = errors.New("the ciphertext is not computed yet")
)

// State is how far a handle is.
type State uint8

// States of a handle.
const (
	Unknown  State = iota // the log has not defined it
	Unwanted              // defined, but nothing asks for it
	Pending               // wanted, not computed yet
	Ready                 // its ciphertext is stored
	Failed                // it, or a value that it needs, cannot be computed
)

var states = [...]string{"unknown", "unwanted", "pending", "ready", "failed"}

// String is the state's name.
func (s State) String() string { return states[s] }

// MarshalText is String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *State) UnmarshalText(b []byte) error {
	i := slices.Index(states[:], string(b))
	if i < 0 {
		return fmt.Errorf("there is no state %q", b)
	}
	*s = State(i)
	return nil
}

// Status is what the coprocessor knows about a handle.
type Status struct {
	Handle   fhe.Handle
	State    State
	Block    uint64         // that defined the handle
	Kind     string         // name of the operation, or "input"
	Operands []fhe.Handle   // encrypted operands of an operation
	Digest   fhe.Digest     // of the packed ciphertext, when Ready
	Failure  *store.Failure // when Failed: the computation at fault, and why
}

// Err is nil for a Ready handle and otherwise says why it is not: ErrUnknown,
// ErrUnwanted, ErrPending or the *store.Failure.
func (s *Status) Err() error {
	switch s.State {
	case Ready:
		return nil
	case Failed:
		return s.Failure
	case Pending:
		return ErrPending
	case Unwanted:
		return ErrUnwanted
	}
	return ErrUnknown
}

// Status reports on h. Its error is that of the store; see Status.Err for the
// handle's own.
func (c *Coprocessor) Status(h fhe.Handle) (Status, error) {
	if err := c.enter(); err != nil {
		return Status{}, err
	}
	defer c.exit()
	status, _, err := c.status(h)
	return status, err
}

// status also returns the content of h unless it is Unknown.
func (c *Coprocessor) status(h fhe.Handle) (Status, store.ID, error) {
	s := Status{Handle: h}
	binding, err := c.store.Binding(h)
	if binding == nil || err != nil {
		return s, store.ID{}, err
	}
	s.Block, s.Kind = binding.Block, "input"
	if len(binding.Derivation) > 0 {
		d, err := derivation(h, binding)
		if err != nil {
			return s, binding.Content, err
		}
		s.Kind = d.Op.String()
		for _, o := range d.Operands {
			if o.Kind != fhe.Clear {
				s.Operands = append(s.Operands, o.Handle())
			}
		}
	}
	err = c.state(&s, binding.Content)
	return s, binding.Content, err
}

// derivation is that of a bound handle; an input's has no operands.
func derivation(h fhe.Handle, b *store.Binding) (d fhe.Derivation, err error) {
	if len(b.Derivation) == 0 {
		return d, nil
	}
	if err := d.UnmarshalBinary(b.Derivation); err != nil {
		return d, fmt.Errorf("read derivation of %s: %w", h, err)
	}
	return d, nil
}

func (c *Coprocessor) state(s *Status, id store.ID) error {
	result, err := c.store.Result(id)
	if err = c.lost(err); errors.Is(err, ErrPending) {
		err = nil
	}
	switch {
	case err != nil:
		return err
	case result.Ready:
		s.State, s.Digest = Ready, result.Digest
		return nil
	case result.Failure != nil:
		s.State, s.Failure = Failed, result.Failure
		return nil
	}
	s.State = Unwanted
	wanted, err := c.store.Wanted(s.Handle)
	if wanted {
		s.State = Pending
	}
	return err
}

// Wait returns nil when the ciphertext of h is stored. It waits only for what
// will come: of a handle that the log has not defined or does not want it
// returns ErrUnknown or ErrUnwanted at once (wait for the feed to reach the block
// first), of a failed one the *store.Failure.
func (c *Coprocessor) Wait(ctx context.Context, h fhe.Handle) error {
	_, err := c.await(ctx, h)
	return err
}

// await is Wait, and returns the content of h.
func (c *Coprocessor) await(ctx context.Context, h fhe.Handle) (store.ID, error) {
	if err := c.enter(); err != nil {
		return store.ID{}, err
	}
	defer c.exit()
	for {
		id, err := c.awaitOnce(ctx, h)
		if !errors.Is(err, ErrPending) {
			return id, err
		}
	}
}

// awaitOnce returns ErrPending after something happened to the content of h.
func (c *Coprocessor) awaitOnce(ctx context.Context, h fhe.Handle) (store.ID, error) {
	_, id, err := c.status(h)
	if err != nil {
		return id, err
	}
	w := c.waiters.join(id)
	defer c.waiters.leave(id, w)
	status, now, err := c.status(h)
	if err == nil {
		err = status.Err()
	}
	if !errors.Is(err, ErrPending) || now != id {
		return now, err
	}
	if err := c.sleep(ctx, w.done); err != nil {
		return id, fmt.Errorf("wait for %s: %w", h, err)
	}
	return id, ErrPending
}

// Packed returns what is kept of a ready handle: the values that are packed together,
// and which of them is its own.
func (c *Coprocessor) Packed(h fhe.Handle) (*radix.Packed, int, error) {
	if err := c.enter(); err != nil {
		return nil, 0, err
	}
	defer c.exit()
	status, id, err := c.status(h)
	if err = errors.Join(err, status.Err()); err != nil {
		return nil, 0, fmt.Errorf("packed ciphertext of %s: %w", h, err)
	}
	return c.packed(id)
}

// Ciphertext returns the ciphertext of h as storage gives it back, or why there
// is none: ErrUnknown, ErrUnwanted, ErrPending or a *store.Failure. Callers must
// not change it.
func (c *Coprocessor) Ciphertext(ctx context.Context, h fhe.Handle) (*radix.Ciphertext, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.exit()
	status, id, err := c.status(h)
	if err = errors.Join(err, status.Err()); err != nil {
		return nil, fmt.Errorf("ciphertext of %s: %w", h, err)
	}
	return c.unpacked(ctx, id)
}
