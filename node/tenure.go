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
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/ceremony"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"

	"github.com/ethereum/go-ethereum/common"
)

// tenure is what a party holds of its network's epochs. It serves those that the
// key registry has in force, and erases the share of one that it has retired.
type tenure struct {
	cfg       *PartyConfig
	keys      *identity.Identity
	view      *chain.View
	contracts contracts.Addresses
	epochs    *committee.Epochs
	records   *committee.Records // of all epochs
	metrics   *partyMetrics
	mu        sync.Mutex // of open, which the status reads
	open      map[uint64]*served
	warned    map[string]bool       // what the operator was told once
	current   chain.Committee       // that the registry had in force when it was last looked at
	resharing *resharing            // nil if there is none
	lost      map[uint64]fhe.Digest // sessions whose journals do not lead to this party's share, by epoch
	tidied    map[uint64]bool       // epochs of which nothing is left that is not needed
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
var errForeign = errors.New("the network's folder lacks that epoch, or has another committee for its number: get its epoch-N.json from a member of it")

// update looks at the folder and at the last final block, and follows them, as far
// as the folder knows the epochs.
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
	if t.current, err = block.Committee(ctx); err != nil {
		return err
	}
	for _, c := range slices.Backward(d.Committees()) { // what follows is served before what it follows is erased
		if err := t.follow(ctx, d, c, block); err != nil {
			return fmt.Errorf("epoch %d: %w", c.Epoch.Number, err)
		}
	}
	if !t.known(d) {
		return fmt.Errorf("the key registry has epoch %d of %v in force: %w", t.current.Epoch, t.current.Signers, errForeign)
	}
	return nil
}

// registered is an epoch's committee as the registry has it, without signers if it
// is not in force. It asks until there is an answer, or ctx ends.
func (t *tenure) registered(ctx context.Context, number uint64) (c chain.Committee, err error) {
	for {
		block, err := t.view.Finalized(ctx)
		if err == nil {
			c, err = block.CommitteeOf(ctx, number)
		}
		if err == nil {
			return c, nil
		}
		t.cfg.Logger.Warn("cannot read the key registry", "error", err)
		select {
		case <-ctx.Done():
			return c, err
		case <-time.After(look):
		}
	}
}

func sameCommittee(a, b chain.Committee) bool {
	return a.Epoch == b.Epoch && a.Quorum == b.Quorum && slices.Equal(a.Signers, b.Signers)
}

// follow brings one epoch to what the registry says of it.
func (t *tenure) follow(ctx context.Context, d *network.Description, c *threshold.Committee, block *chain.Block) error {
	number := c.Epoch.Number
	now, err := block.CommitteeOf(ctx, number)
	if err != nil {
		return err
	}
	active, retired := sameCommittee(now, network.OnChain(c)), len(now.Signers) == 0 && number < t.current.Epoch
	if active {
		if err := t.quit(d.Succession(number)); err != nil {
			return err
		}
	}
	id, member := c.PartyByTLS(t.keys.Fingerprint())
	if member {
		if err := t.hold(ctx, d, c, id, active, retired, block); err != nil {
			return err
		}
	}
	settled := active || (retired && t.known(d))
	if settled && !t.tidied[number] && (!member || t.open[number] != nil) {
		return t.tidy(d, number)
	}
	return nil
}

// known reports whether the folder has the committee in force, and so the right ones
// before it, since all members have signed whom they follow.
func (t *tenure) known(d *network.Description) bool {
	c := d.CommitteeOf(t.current.Epoch)
	return c != nil && sameCommittee(t.current, network.OnChain(c))
}

// hold brings a member's share of an epoch to what the registry says.
func (t *tenure) hold(ctx context.Context, d *network.Description, c *threshold.Committee, id threshold.PartyID, active, retired bool, block *chain.Block) error {
	number := c.Epoch.Number
	path := t.cfg.Network.ShareFileOf(d, number, id)
	_, missing := os.Stat(path)
	if errors.Is(missing, os.ErrNotExist) {
		if err := t.regain(ctx, d, c); err != nil {
			return err
		}
		_, missing = os.Stat(path)
	}
	switch served := t.open[number] != nil; {
	case active && !served && missing == nil:
		return t.serve(d, c, id)
	case active && !served:
		t.tellOnce("epoch %d is in force, and this party has no share of it in %s", number, path)
	case retired && (missing == nil || served):
		why, err := t.succeeded(ctx, d, number, block)
		if err != nil {
			return err
		}
		if why != "" {
			t.tellOnce("epoch %d is retired, and this party keeps its share: %s", number, why)
			return nil
		}
		return t.erase(d, number, path)
	}
	return nil
}

// quit ends this party's part in an attempt at an epoch in force, if it is over or is
// not the one that was certified: who stays in it cannot get its share from the other.
func (t *tenure) quit(s *network.Succession) error {
	r := t.resharing
	if s == nil || r == nil || r.plan.New.Epoch.Number != s.Committee.Epoch.Number {
		return nil
	}
	if !r.over.Load() && r.plan.Attempt == s.Certificate.Attempt && r.plan.New.Equal(&s.Committee) {
		return nil
	}
	t.resharing = nil
	return r.end()
}

// regain writes the share of what this party has confirmed and the folder has the
// certificate of, whatever the registry says by now: without it the journals are all
// that this party has of that epoch. Journals that do not lead there are not tried
// again until the folder has another certificate, or the party is started again.
func (t *tenure) regain(ctx context.Context, d *network.Description, c *threshold.Committee) error {
	number := c.Epoch.Number
	s := d.Succession(number)
	if s == nil || t.lost[number] == s.Certificate.Session || (t.resharing != nil && t.resharing.plan.New.Epoch.Number == number) {
		return nil
	}
	confirmed, err := ceremony.Confirmed(t.journals(number), s.Certificate.Attempt)
	if err != nil || !confirmed {
		return err
	}
	if err := t.recover(ctx, d, c); err != nil {
		t.lost[number] = s.Certificate.Session
		t.tell("the journals of epoch %d do not lead this party to its share: %v", number, err)
	}
	return nil
}

// succeeded says why the share of a retired epoch has to stay, "" if it may go. The
// registry alone is not enough: all members of the next epoch must have signed that
// they hold their shares, and this party must hold its own of what is in force. Before,
// an old share, and the journals that may lead to a new one, may be all that is left of
// the key here.
func (t *tenure) succeeded(ctx context.Context, d *network.Description, number uint64, block *chain.Block) (why string, err error) {
	next := d.CommitteeOf(number + 1)
	if next == nil {
		return fmt.Sprintf("its folder does not show that another committee has the key: get epoch-%d.json from a member of that epoch", number+1), nil
	}
	if why, err := t.owed(d, next); why != "" || err != nil {
		return why, err
	}
	now, err := block.CommitteeOf(ctx, number+1)
	if err != nil {
		return "", err
	}
	if len(now.Signers) > 0 && !sameCommittee(now, network.OnChain(next)) {
		return fmt.Sprintf("its folder has another committee of epoch %d than the one in force: get the right epoch-%d.json from a member of it", number+1, number+1), nil
	}
	own := common.Address(eip712.AddressOf(t.keys.Signer.PubKey()))
	for _, c := range []chain.Committee{now, t.current} {
		if slices.Contains(c.Signers, own) && t.open[c.Epoch] == nil {
			return fmt.Sprintf("it has none of epoch %d, of which it is a member", c.Epoch), nil
		}
	}
	return "", nil
}

// owed says that journals lead to a share of an epoch that is not written, "" if none
// do.
func (t *tenure) owed(d *network.Description, c *threshold.Committee) (why string, err error) {
	id, member := c.PartyByTLS(t.keys.Fingerprint())
	if !member {
		return "", nil
	}
	if _, err := os.Stat(t.cfg.Network.ShareFileOf(d, c.Epoch.Number, id)); !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	confirmed, err := ceremony.Confirmed(t.journals(c.Epoch.Number), d.Succession(c.Epoch.Number).Certificate.Attempt)
	if confirmed {
		why = fmt.Sprintf("it has confirmed epoch %d, and its share of that is only in its journals", c.Epoch.Number)
	}
	return why, err
}

// serve opens the party of an epoch that is in force.
func (t *tenure) serve(d *network.Description, c *threshold.Committee, id threshold.PartyID) error {
	own, err := t.cfg.believes(d, c)
	if err != nil {
		return err
	}
	peers, hangUp, err := committee.DialPeers(c, t.keys, id)
	if err != nil {
		return err
	}
	party, err := openParty(t.cfg.Network, d, c, id, t.keys, partyConfig{
		records: t.records, chain: chainView{t.view}, squashers: t.cfg.squashers(), own: own, log: t.cfg.Logger,
		observe: t.metrics.observe, blame: t.metrics.blamed,
	})
	if err != nil {
		hangUp()
		return err
	}
	party.Connect(peers)
	t.set(c.Epoch.Number, &served{party, c, peers, hangUp})
	t.epochs.Add(party)
	t.tell("party %d of epoch %d is in force", id, c.Epoch.Number)
	return nil
}

// tidy erases what led to an epoch that is in force and served here, or that is not
// this party's: it may have taken part in an attempt that did not come into force. And
// attempts to follow it that are over are taken back, where that failed before.
func (t *tenure) tidy(d *network.Description, number uint64) error {
	if err := t.forget(d, number); err != nil {
		return err
	}
	if s, r := t.open[number], t.resharing; s != nil && (r == nil || r.plan.New.Epoch.Number != number+1) {
		if err := ceremony.Finish(t.journals(number+1), s.party); err != nil {
			return err
		}
	}
	t.tidied[number] = true
	return nil
}

// journals is the folder of the attempts to reach an epoch.
func (t *tenure) journals(epoch uint64) string {
	return filepath.Join(t.cfg.DataDir, fmt.Sprintf("reshare-%d", epoch))
}

// forget erases what led to an epoch that is in force, or led past it: the journals,
// and shares of attempts that were certified beside.
func (t *tenure) forget(d *network.Description, epoch uint64) error {
	var err error
	if r := t.resharing; r != nil && r.plan.New.Epoch.Number == epoch {
		err = r.end()
	}
	strays, unread := t.cfg.Network.StrayShares(d, epoch, t.keys)
	for _, path := range strays {
		err = errors.Join(err, ceremony.Erase(path))
	}
	return errors.Join(err, unread, ceremony.Forget(t.journals(epoch)))
}

// erase ends a retired epoch once the requests in progress are done. The journals
// of what followed it tell its share too.
func (t *tenure) erase(d *network.Description, number uint64, path string) error {
	if s := t.open[number]; s != nil {
		t.epochs.Remove(number)
		s.hangUp()
		t.set(number, nil)
	}
	if err := errors.Join(t.forget(d, number), t.forget(d, number+1)); err != nil {
		return err // the share stays, so that all of this is tried again
	}
	if err := ceremony.Erase(path); err != nil {
		return err
	}
	t.tell("epoch %d is retired: its share is erased", number)
	return nil
}

func (t *tenure) tellOnce(format string, args ...any) {
	if message := fmt.Sprintf(format, args...); !t.warned[message] {
		t.warned[message] = true
		t.tell("%s", message)
	}
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
	var err error
	if t.resharing != nil {
		err = t.resharing.end()
	}
	t.epochs.Close()
	return errors.Join(err, t.records.Close())
}
