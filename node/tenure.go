package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/ceremony"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// tenure is what a party holds of its network's epochs. It serves those that the
// key registry has in force, and erases the share of one that it has retired.
type tenure struct {
	cfg       *PartyConfig
	keys      *identity.Identity
	view      *chain.View
	contracts contracts.Addresses
	epochs    *committee.Epochs
	metrics   *partyMetrics
	mu        sync.Mutex // of open, which the status reads
	open      map[uint64]*served
	warned    map[uint64]bool // of epochs without a share
	current   uint64          // the epoch that the registry had in force when it was last looked at
	resharing *resharing      // nil if there is none
}

// served is an epoch that the party serves.
type served struct {
	party     *committee.Party
	committee *threshold.Committee
	peers     map[threshold.PartyID]committee.Service
	hangUp    func() // of its peers
}

// newest is the newest epoch that the party serves, nil if there is none.
func (t *tenure) newest() (s *served) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.open {
		if s == nil || o.committee.Epoch.Number > s.committee.Epoch.Number {
			s = o
		}
	}
	return s
}

// set notes that an epoch is served, or with nil that it is not any more.
func (t *tenure) set(number uint64, s *served) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[number] = s; s == nil {
		delete(t.open, number)
	}
}

// errForeign says that the registry names a committee that the party's network
// folder does not know.
var errForeign = errors.New("the network's folder lacks that epoch: get its epoch-N.json from a member of it")

// update looks at the folder and at the last final block, and follows them.
func (t *tenure) update(ctx context.Context) error {
	d, err := t.cfg.Network.Description()
	if err != nil {
		return err
	}
	d.Contracts = t.contracts
	block, err := t.view.Finalized(ctx)
	if err != nil {
		return err
	}
	current, err := block.Committee(ctx)
	if err != nil {
		return err
	}
	if c := d.CommitteeOf(current.Epoch); c == nil || !sameCommittee(current, network.OnChain(c)) {
		return fmt.Errorf("the key registry has epoch %d of %v in force: %w", current.Epoch, current.Signers, errForeign)
	}
	t.current = current.Epoch
	for _, c := range slices.Backward(d.Committees()) { // what follows is served before what it follows is erased
		if err := t.follow(ctx, d, c, block, current.Epoch); err != nil {
			return fmt.Errorf("epoch %d: %w", c.Epoch.Number, err)
		}
	}
	return nil
}

func sameCommittee(a, b chain.Committee) bool {
	return a.Epoch == b.Epoch && a.Quorum == b.Quorum && slices.Equal(a.Signers, b.Signers)
}

// follow brings one epoch to what the registry says of it.
func (t *tenure) follow(ctx context.Context, d *network.Description, c *threshold.Committee, block *chain.Block, current uint64) error {
	number := c.Epoch.Number
	id, member := c.PartyByTLS(t.keys.Fingerprint())
	if !member || number > current {
		return nil
	}
	at, err := block.Position(ctx, number, c.Members[id-1].Signer)
	if err != nil {
		return err
	}
	path := t.cfg.Network.ShareFileOf(d, number, id)
	_, missing := os.Stat(path)
	switch {
	case at == uint64(id) && missing == nil && t.open[number] == nil:
		return t.serve(d, c, id)
	case at == uint64(id) && t.open[number] == nil && !t.warned[number]:
		t.warned[number] = true
		t.tell("epoch %d is in force, and this party has no share of it in %s", number, path)
	case at == 0 && number < current && (missing == nil || t.open[number] != nil):
		now, err := block.CommitteeOf(ctx, number)
		if err != nil || len(now.Signers) > 0 {
			return err
		}
		if !t.succeeded(d, current) {
			if !t.warned[number] {
				t.warned[number] = true
				t.tell("epoch %d is retired, and this party keeps its share: it has none of epoch %d, of which it is a member", number, current)
			}
			return nil
		}
		return t.erase(number, path)
	}
	return nil
}

// succeeded reports whether the party serves the epoch in force, unless it is no member
// of that: before, an old share, and the journals that may lead to a new one, may be all
// that is left of the key here.
func (t *tenure) succeeded(d *network.Description, current uint64) bool {
	_, member := d.CommitteeOf(current).PartyByTLS(t.keys.Fingerprint())
	return !member || t.open[current] != nil
}

// serve opens the party of an epoch that is in force. The journals that led to it
// have done their duty.
func (t *tenure) serve(d *network.Description, c *threshold.Committee, id threshold.PartyID) error {
	party, err := openParty(t.cfg.Network, d, c, id, t.keys, partyConfig{
		dir: t.records(d, c, id), fs: vfs.Default, chain: chainView{t.view}, squasher: remoteSquasher{t.cfg.API}, log: t.cfg.Logger,
		quotas: t.cfg.Quotas, observe: t.metrics.observe, blame: t.metrics.blamed,
	})
	if err != nil {
		return err
	}
	peers, hangUp, err := committee.DialPeers(c, t.keys, id)
	if err != nil {
		return errors.Join(err, party.Close())
	}
	party.Connect(peers)
	t.set(c.Epoch.Number, &served{party, c, peers, hangUp})
	t.epochs.Add(party)
	t.tell("party %d of epoch %d is in force", id, c.Epoch.Number)
	return t.forget(c.Epoch.Number)
}

// records is the folder of an epoch's records.
func (t *tenure) records(d *network.Description, c *threshold.Committee, id threshold.PartyID) string {
	if c.Epoch.Number == d.Committee.Epoch.Number {
		return filepath.Join(t.cfg.DataDir, network.RecordsDir(id))
	}
	return filepath.Join(t.cfg.DataDir, fmt.Sprintf("epoch-%d", c.Epoch.Number), network.RecordsDir(id))
}

// journals is the folder of the attempts to reach an epoch.
func (t *tenure) journals(epoch uint64) string {
	return filepath.Join(t.cfg.DataDir, fmt.Sprintf("reshare-%d", epoch))
}

func (t *tenure) attempt(epoch uint64, number uint32) string {
	return filepath.Join(t.journals(epoch), fmt.Sprintf("attempt-%d", number))
}

// forget erases the journals of an epoch that is in force.
func (t *tenure) forget(epoch uint64) error {
	if r := t.resharing; r != nil && r.plan.New.Epoch.Number == epoch {
		r.session.Close()
	}
	attempts, err := filepath.Glob(filepath.Join(t.journals(epoch), "attempt-*"))
	for _, dir := range attempts {
		err = errors.Join(err, ceremony.Forget(dir))
	}
	return err
}

// erase ends a retired epoch once the requests in progress are done. The journals
// of what followed it tell its share too.
func (t *tenure) erase(number uint64, path string) error {
	if s := t.open[number]; s != nil {
		if err := t.epochs.Remove(number); err != nil {
			return err
		}
		s.hangUp()
		t.set(number, nil)
	}
	if err := errors.Join(t.forget(number+1), ceremony.Erase(path)); err != nil {
		return err
	}
	t.tell("epoch %d is retired: its share is erased", number)
	return nil
}

func (t *tenure) tell(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	t.cfg.Logger.Info(message)
	if t.cfg.Progress != nil {
		t.cfg.Progress(message)
	}
}

// look is how often a party looks for what the registry has put in force.
const look = time.Second

// watch follows the registry until ctx ends. What it cannot do now it tries
// again.
func (t *tenure) watch(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := ""
		if err := t.update(ctx); err != nil {
			now = err.Error()
		}
		if now != last && now != "" && ctx.Err() == nil {
			t.cfg.Logger.Error("cannot follow the key registry", "error", now)
		}
		last = now
	}
}

func (t *tenure) close() error {
	for _, s := range t.open {
		s.hangUp()
	}
	if t.resharing != nil && t.resharing.session != nil {
		t.resharing.session.Close()
	}
	return t.epochs.Close()
}
