package committee

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// Epochs is the Host of a party that serves more than one epoch, while one
// follows the other. A request names its epoch, or means the newest one that the
// key registry has in force. Every request holds a lease on its epoch's party,
// so that one in progress ends before the party does. It is safe for concurrent
// use.
type Epochs struct {
	mu     sync.Mutex
	held   map[uint64]*tenure
	guests func(fhe.Digest) bool
}

// tenure is the party of one epoch and the requests that it works on.
type tenure struct {
	party  *Party
	leases sync.WaitGroup
}

// NewEpochs holds no epoch. guests, if not nil, says which certificates beside
// those of the epochs' committees may connect.
func NewEpochs(guests func(fhe.Digest) bool) *Epochs {
	if guests == nil {
		guests = func(fhe.Digest) bool { return false }
	}
	return &Epochs{held: map[uint64]*tenure{}, guests: guests}
}

// Add begins to serve an epoch.
func (e *Epochs) Add(p *Party) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[p.epoch.Number] = &tenure{party: p}
}

// Remove ends an epoch: new requests are refused at once, those in progress are
// waited for. It forgets the party's secret. It does nothing if the epoch is not
// held.
func (e *Epochs) Remove(number uint64) {
	e.mu.Lock()
	t, ok := e.held[number]
	delete(e.held, number)
	e.mu.Unlock()
	if !ok {
		return
	}
	t.leases.Wait()
	t.party.Wipe()
}

// Numbers lists the epochs that are held, in order.
func (e *Epochs) Numbers() []uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.held))
}

// Close ends all epochs.
func (e *Epochs) Close() {
	for _, n := range e.Numbers() {
		e.Remove(n)
	}
}

// Admits implements Host.
func (e *Epochs) Admits(f fhe.Digest) bool {
	if e.guests(f) {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.held {
		if t.admits(f) {
			return true
		}
	}
	return false
}

func (t *tenure) admits(f fhe.Digest) bool {
	return single{t.party, t.party.cfg.Secret.Committee}.Admits(f)
}

// PartyOf implements Host.
func (e *Epochs) PartyOf(epoch uint64, f fhe.Digest) (threshold.PartyID, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.held[epoch]
	if !ok {
		return 0, false
	}
	return t.party.cfg.Secret.Committee.PartyByTLS(f)
}

// lease finds the party of an epoch and keeps it until release is called. A request
// that comes with a certificate must be of a party or relay of that very epoch: who
// may connect for another reason has no part in the quotas.
func (e *Epochs) lease(ctx context.Context, number uint64) (p *Party, release func(), err error) {
	if number == 0 {
		if number, err = e.present(ctx); err != nil {
			return nil, nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.held[number]
	if !ok {
		return nil, nil, threshold.Faultf(threshold.EpochNotActive,
			"this party does not serve epoch %d, or no longer: ask the committee of the network's present parameters", number)
	}
	if caller := callerIn(ctx); caller != (fhe.Digest{}) && !t.admits(caller) {
		return nil, nil, threshold.Faultf(threshold.NotMember, "the caller's certificate is not that of a party or relay of epoch %d", number)
	}
	t.leases.Add(1)
	return t.party, t.leases.Done, nil
}

// present is the newest epoch that is held and in force.
func (e *Epochs) present(ctx context.Context) (uint64, error) {
	why := error(threshold.Faultf(threshold.EpochNotActive, "this party serves no epoch as yet"))
	for _, number := range slices.Backward(e.Numbers()) {
		active, err := e.active(ctx, number)
		if err == nil && active {
			return number, nil
		}
		if err != nil {
			why = err
		}
	}
	return 0, why
}

func (e *Epochs) active(ctx context.Context, number uint64) (bool, error) {
	e.mu.Lock()
	t, ok := e.held[number]
	e.mu.Unlock()
	if !ok {
		return false, nil
	}
	b, err := t.party.cfg.Chain.Finalized(ctx)
	if err != nil {
		return false, fmt.Errorf("read finalised block: %w", err)
	}
	err = t.party.checkEpoch(ctx, b)
	return err == nil, err
}

// UserDecrypt implements Service.
func (e *Epochs) UserDecrypt(ctx context.Context, r *permit.Request) (*seal.Answer, error) {
	p, release, err := e.lease(ctx, r.Epoch)
	if err != nil {
		return nil, err
	}
	defer release()
	return p.UserDecrypt(ctx, r)
}

// PublicDecrypt implements Service.
func (e *Epochs) PublicDecrypt(ctx context.Context, r *PublicRequest) (*permit.PublicAnswer, error) {
	p, release, err := e.lease(ctx, r.Epoch)
	if err != nil {
		return nil, err
	}
	defer release()
	return p.PublicDecrypt(ctx, r)
}

// Share implements Service.
func (e *Epochs) Share(ctx context.Context, r *ShareRequest) (*opening.Answer, error) {
	p, release, err := e.lease(ctx, r.Epoch)
	if err != nil {
		return nil, err
	}
	defer release()
	return p.Share(ctx, r)
}
