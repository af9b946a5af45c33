package committee

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
)

// DefaultTimeout bounds how long a relay waits for a party, and a party works on a
// request. Squashing a full request takes a coprocessor without accelerators minutes.
const DefaultTimeout = 3 * time.Minute

// DefaultShareTimeout bounds how long a party waits for another one's shares. It has
// prepared the same values itself by then, and must still have time to say to who
// waits for it that another party is silent.
const DefaultShareTimeout = DefaultTimeout / 3

// Config says what a Party works with. Optional fields have defaults.
type Config struct {
	Identity *identity.Identity
	Secret   *dealer.Secret
	Domain   fhe.Domain  // of the chain that it serves
	Verifier fhe.Address // the decryption verifier's contract
	Chain    Chain
	// Squashers are coprocessors, all of which are asked for what is to be decrypted.
	Squashers []Squasher
	// Own is the address of this party's own coprocessor, which computes everything by
	// itself: its word alone counts then. Zero where there is none: the committee's policy
	// counts, and is Independent unless the network is for Development.
	Own         fhe.Address
	Development bool

	Records *Records         // of this identity; they stay open when the party ends
	Clock   func() time.Time // optional: that of the records; with the chain's time it says which permits are valid
	Timeout time.Duration    // optional: DefaultShareTimeout; for one peer's share
	Log     *slog.Logger     // optional: silence

	Observe func(Event)             // optional: called for each decision
	Blame   func(threshold.PartyID) // optional: called for a party that is at fault in a public decryption
}

// Party is one member of the committee of one epoch. It is safe for concurrent use.
type Party struct {
	cfg     Config
	id      threshold.PartyID
	epoch   threshold.Epoch
	margin  prss.Margin
	limit   uint64            // of openings over the key's life
	policy  *threshold.Policy // whose word it takes
	key     *decrypt.Key
	records *Records
	peers   map[threshold.PartyID]Service

	blaming sync.Mutex
	blames  map[threshold.Blame]uint64 // there are few reasons
}

// Open begins to serve an epoch, and puts that on record. It refuses a secret of
// another party's identity, records of another identity or key, an epoch without
// flooding margin and a policy that rests on too few coprocessors.
func Open(cfg Config) (*Party, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("party configuration: %w", err)
	}
	cfg.setDefaults()
	policy, err := cfg.policy()
	if err != nil {
		return nil, err
	}
	margin, err := prss.MarginOf(cfg.Secret.Committee)
	if err != nil {
		return nil, err
	}
	key, err := cfg.Secret.Key()
	if err != nil {
		return nil, err
	}
	p := &Party{
		cfg: cfg, id: cfg.Secret.Party, epoch: cfg.Secret.Committee.Epoch,
		margin: margin, limit: margin.Limit(), key: key, records: cfg.Records, policy: policy, blames: map[threshold.Blame]uint64{},
	}
	if err := p.records.serve(p); err != nil {
		return nil, err
	}
	return p, nil
}

func (c *Config) check() error {
	switch {
	case c.Identity == nil || c.Secret == nil || c.Chain == nil || len(c.Squashers) == 0 || c.Records == nil:
		return errors.New("identity, secret, chain, squashers and records are required")
	case c.Domain.Version != fhe.Version:
		return fmt.Errorf("protocol version is %d, want %d", c.Domain.Version, fhe.Version)
	case c.Domain.KeyID != c.Secret.Committee.Epoch.Key:
		return fmt.Errorf("secret is of network key %s, the chain's is %s", c.Secret.Committee.Epoch.Key, c.Domain.KeyID)
	}
	member, err := c.Secret.Committee.Member(c.Secret.Party)
	if err != nil {
		return err
	}
	if own := c.Identity.Member(c.Secret.Party, member.Address); own != member {
		return fmt.Errorf("identity is not that of party %d in the committee file", c.Secret.Party)
	}
	if !c.Records.of(c.Identity, c.Secret.Committee.Epoch) {
		return errors.New("the records are of another identity or key")
	}
	return c.Secret.Committee.Check()
}

func (c *Config) setDefaults() {
	if c.Clock == nil {
		c.Clock = c.Records.cfg.Clock
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultShareTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Connect names the other parties for public decryptions. It must precede
// requests.
func (p *Party) Connect(peers map[threshold.PartyID]Service) { p.peers = peers }

// ID is the party's position in the committee.
func (p *Party) ID() threshold.PartyID { return p.id }

// Wipe forgets the party's secret. No request may be in progress, or follow.
func (p *Party) Wipe() {
	p.key.Wipe()
	p.cfg.Secret.Wipe()
}

// domain is that of EIP-712 signatures.
func (p *Party) domain() eip712.Domain {
	return eip712.Domain{ChainID: p.cfg.Domain.ChainID, Verifier: p.cfg.Verifier}
}

// decide makes one decision on the last final block, which it returns: whether
// the party may act at all, then the checks of a request.
func (p *Party) decide(ctx context.Context, d *decision, check func(*Block) error) (*Block, error) {
	b, err := p.cfg.Chain.Finalized(ctx)
	if err != nil {
		return nil, fmt.Errorf("read finalised block: %w", err)
	}
	d.Block = b.Number
	if err = p.checkEpoch(ctx, b); err == nil {
		err = check(b)
	}
	var refused *threshold.Fault
	if err != nil && !errors.As(err, &refused) {
		// A block that is gone cannot be read.
		if gone := confirm(ctx, b); errors.As(gone, &refused) {
			return nil, gone
		}
	}
	return b, err
}

// checkEpoch demands that the party is, in its place, of a committee that the
// key registry has in force.
func (p *Party) checkEpoch(ctx context.Context, b *Block) error {
	own, err := p.cfg.Secret.Committee.Member(p.id)
	if err != nil {
		return err
	}
	at, err := b.Position(ctx, p.epoch.Number, own.Signer)
	if err != nil {
		return fmt.Errorf("read the committee of epoch %d: %w", p.epoch.Number, err)
	}
	if at != uint64(p.id) {
		return threshold.Faultf(threshold.EpochNotActive,
			"party %d of epoch %d is not in force as of block %d: the key registry has retired the epoch, or has not activated it with this party: ask the committee of the network's present parameters",
			p.id, p.epoch.Number, b.Number)
	}
	return nil
}

// confirm demands that a block on which a decision rests is still final. Before
// anything is disclosed that took a while to make, the decision is void if its
// block was undone meanwhile.
func confirm(ctx context.Context, b *Block) error {
	final, err := b.Final(ctx)
	if err != nil {
		return fmt.Errorf("read block %d again: %w", b.Number, err)
	}
	if !final {
		return threshold.Faultf(threshold.NotReady, "block %d, by which this was decided, has been undone: ask again", b.Number)
	}
	return nil
}
