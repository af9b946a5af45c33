package committee

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// ledger is a chain in memory: the rights of its last final block.
type ledger struct {
	mu     sync.Mutex
	time   uint64
	rights map[fhe.Handle]map[fhe.Address]bool
	public map[fhe.Handle]bool

	committee *threshold.Committee // that the registry names

	undone      int // how often blocks were undone
	retired     bool
	paused      bool
	denied      map[fhe.Address]bool
	invalidated map[fhe.Address]uint64
	delegations map[[3]fhe.Address]uint64                                      // delegator, delegate, contract
	wallets     map[fhe.Address]func(digest fhe.Digest, signature []byte) bool // what they accept
}

func newLedger(c *threshold.Committee) *ledger {
	return &ledger{
		committee: c,
		time:      1000, rights: map[fhe.Handle]map[fhe.Address]bool{}, public: map[fhe.Handle]bool{},
		denied: map[fhe.Address]bool{}, invalidated: map[fhe.Address]uint64{}, delegations: map[[3]fhe.Address]uint64{}, wallets: map[fhe.Address]func(fhe.Digest, []byte) bool{},
	}
}

func (l *ledger) Finalized(context.Context) (*Block, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Block{Number: 9, Time: l.time, Rights: view{l, l.undone}}, nil
}

// view is the ledger as of a block, of which only what undoes it is modelled.
type view struct {
	*ledger
	undone int
}

func (v view) Final(context.Context) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.undone == v.ledger.undone, nil
}

func (l *ledger) Position(_ context.Context, epoch uint64, signer fhe.Address) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retired || epoch != l.committee.Epoch.Number {
		return 0, nil
	}
	for _, m := range l.committee.Members {
		if m.Signer == signer {
			return uint64(m.Party), nil
		}
	}
	return 0, nil
}

func (l *ledger) PersistAllowed(_ context.Context, h fhe.Handle, a fhe.Address) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rights[h][a], nil
}

func (l *ledger) PubliclyDecryptable(_ context.Context, h fhe.Handle) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.public[h], nil
}

func (l *ledger) AcceptsSignature(_ context.Context, account fhe.Address, digest fhe.Digest, signature []byte) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wallets[account] != nil && l.wallets[account](digest, signature), nil
}

func (l *ledger) Paused(context.Context) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paused, nil
}

func (l *ledger) Denied(_ context.Context, a fhe.Address) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.denied[a], nil
}

func (l *ledger) InvalidatedBefore(_ context.Context, a fhe.Address) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.invalidated[a], nil
}

func (l *ledger) DelegatedUntil(_ context.Context, delegator, delegate, contract fhe.Address) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delegations[[3]fhe.Address{delegator, delegate, contract}], nil
}

// change alters the chain's next state.
func (l *ledger) change(by func(*ledger)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	by(l)
}

func (l *ledger) set(h fhe.Handle, ok bool, accounts ...fhe.Address) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rights[h] == nil {
		l.rights[h] = map[fhe.Address]bool{}
	}
	for _, a := range accounts {
		l.rights[h][a] = ok
	}
}

// coprocessor squashes, in that it holds encryptions under the squash secret,
// and attests them for parties that sign.
type coprocessor struct {
	mu        sync.Mutex
	domain    fhe.Domain
	committee *threshold.Committee
	key       *secp256k1.PrivateKey
	squashKey fhe.Digest
	blocks    map[fhe.Handle][]*squash.Ciphertext
	meanwhile func() // if not nil, what happens while it squashes
}

func (c *coprocessor) Squashed(_ context.Context, r *SquashRequest) (*Squashed, error) {
	if err := r.Verify(c.domain, c.committee); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.meanwhile != nil {
		c.meanwhile()
	}
	blocks, ok := c.blocks[r.Handle]
	if !ok {
		return nil, threshold.Faultf(threshold.NotReady, "handle %s is not computed yet", r.Handle)
	}
	names := make([]fhe.Digest, len(blocks))
	for i, b := range blocks {
		names[i] = b.Digest()
	}
	attestation := fhe.Attestation(c.domain, r.Handle, fhe.OfSquashed, fhe.SquashedDigest(c.squashKey, names))
	return &Squashed{blocks, []eip712.Signature{eip712.Sign(c.key, attestation)}}, nil
}

func (c *coprocessor) put(h fhe.Handle, blocks []*squash.Ciphertext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks[h] = blocks
}

// network is a committee of four with a chain, a coprocessor and a user.
type network struct {
	*lwetest.Dealt
	rng      *rand.Rand
	domain   fhe.Domain
	verifier fhe.Address
	chain    *ledger
	clock    atomic.Int64 // of the parties, Unix seconds
	cop      *coprocessor
	parties  map[threshold.PartyID]*Party
	servers  map[threshold.PartyID]*Server // of those that are served
	records  map[threshold.PartyID]*Records
	disks    map[threshold.PartyID]*vfs.MemFS
	user     *secp256k1.PrivateKey
	contract fhe.Address
	key      *seal.TransportKey
}

func newNetwork(t *testing.T, seed uint64) *network {
	t.Helper()
	d := lwetest.Deal(t, 4, seed)
	n := &network{
		Dealt: d, rng: rand.New(rand.NewPCG(seed, 3)),
		domain:   fhe.Domain{ChainID: 31337, ACL: fhe.Address{0xac}, KeyID: d.Committee.Epoch.Key},
		verifier: fhe.Address{0xde},
		chain:    newLedger(d.Committee),
		parties:  map[threshold.PartyID]*Party{}, servers: map[threshold.PartyID]*Server{}, records: map[threshold.PartyID]*Records{}, disks: map[threshold.PartyID]*vfs.MemFS{},
		user: secp256k1.PrivKeyFromBytes([]byte{31: 42}), contract: fhe.Address{0xc0},
	}
	n.cop = &coprocessor{
		domain: n.domain, committee: d.Committee, squashKey: d.Committee.Epoch.SquashKey,
		key: lwetest.CoprocessorKey(), blocks: map[fhe.Handle][]*squash.Ciphertext{},
	}
	var err error
	if n.key, err = seal.GenerateTransportKey(); err != nil {
		t.Fatal(err)
	}
	for id := range d.Margin.Quorum.All().All() {
		n.disks[id] = vfs.NewCrashableMem()
		n.start(t, id)
	}
	for id := range n.parties {
		n.parties[id].Connect(n.peers(id))
	}
	return n
}

// start opens party id on its disk.
func (n *network) start(t *testing.T, id threshold.PartyID) {
	t.Helper()
	n.keep(t, id, n.book(id))
	p, err := Open(n.config(id))
	if err != nil {
		t.Fatal(err)
	}
	n.parties[id] = p
}

// keep opens records for party id.
func (n *network) keep(t *testing.T, id threshold.PartyID, c RecordsConfig) {
	t.Helper()
	r, err := OpenRecords(c)
	if err != nil {
		t.Fatal(err)
	}
	n.records[id] = r
	t.Cleanup(func() { r.Close() })
}

// book says where party id has its records.
func (n *network) book(id threshold.PartyID) RecordsConfig {
	return RecordsConfig{
		Dir: "party", FS: n.disks[id], Signer: n.Identities[id-1].Signer, SquashKey: n.Committee.Epoch.SquashKey,
		Clock: func() time.Time { return time.Unix(n.clock.Load(), 0) },
	}
}

func (n *network) config(id threshold.PartyID) Config {
	return Config{
		Identity: n.Identities[id-1], Secret: n.Secrets[id-1], Domain: n.domain, Verifier: n.verifier,
		Chain: n.chain, Squashers: []Squasher{n.cop}, Development: true, Records: n.records[id],
	}
}

// peers lists all parties but one; 0 is none of them.
func (n *network) peers(but threshold.PartyID) map[threshold.PartyID]Service {
	out := map[threshold.PartyID]Service{}
	for id, p := range n.parties {
		if id != but {
			out[id] = p
		}
	}
	return out
}

func (n *network) relay() *Relay { return &Relay{Quorum: n.Margin.Quorum, Parties: n.peers(0)} }

// value puts an encrypted value on the chain, readable by the user through the
// contract.
func (n *network) value(typ fhe.Type, v uint64) fhe.Handle {
	h := fhe.NewHandle(fhe.Digest{byte(n.rng.Uint32()), byte(n.rng.Uint32()), byte(n.rng.Uint32())}, fhe.Computed, n.domain.ChainID, typ, 0)
	n.cop.put(h, lwetest.Value(n.rng, n.Bits, typ, uint256.NewInt(v)))
	n.chain.set(h, true, n.userAddress(), n.contract)
	return h
}

// partials has a party compute its shares of values as of the last block.
func (n *network) partials(t *testing.T, id threshold.PartyID, handles []fhe.Handle) []decrypt.Partial {
	t.Helper()
	b, err := n.chain.Finalized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.parties[id].partials(t.Context(), n.parties[id].newDecision(t.Context(), audit.User, nil, handles), b, handles)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (n *network) userAddress() fhe.Address { return eip712.AddressOf(n.user.PubKey()) }

func (n *network) signing() eip712.Domain {
	return eip712.Domain{ChainID: n.domain.ChainID, Verifier: n.verifier}
}

// request asks for handles with a permit signed by the user. spoil may change
// the permit before it is signed.
func (n *network) request(handles []fhe.Handle, spoil func(*permit.Permit)) *permit.Request {
	p := permit.New("a test", []fhe.Address{{1}, n.contract}, 900, 1100, n.key.Public())
	if spoil != nil {
		spoil(p)
	}
	return &permit.Request{
		Domain: n.signing(), User: n.userAddress(), Permit: *p, Signature: p.Sign(n.signing(), n.user),
		TransportKey: n.key.Public(), Handles: handles,
	}
}

// wallet opens what the relay forwards.
func (n *network) wallet(t *testing.T, r *Relay, q *permit.Request) ([]*uint256.Int, *seal.Opening, error) {
	t.Helper()
	o, err := seal.NewOpening(seal.NewContext(n.domain, n.Committee.Epoch, q), n.Committee, n.key)
	if err != nil {
		t.Fatal(err)
	}
	err = r.UserDecrypt(t.Context(), q, func(a *seal.Answer) bool {
		done, err := o.Add(a)
		if err != nil {
			t.Error(err)
		}
		return done
	})
	if err != nil {
		return nil, o, err
	}
	values, err := o.Values()
	return values, o, err
}

// faulty is a party that does something else.
type faulty struct {
	Service
	user  func(context.Context, *permit.Request) (*seal.Answer, error)
	share func(context.Context, *ShareRequest) (*opening.Answer, error)
}

func (f *faulty) UserDecrypt(ctx context.Context, r *permit.Request) (*seal.Answer, error) {
	if f.user == nil {
		return f.Service.UserDecrypt(ctx, r)
	}
	return f.user(ctx, r)
}

func (f *faulty) Share(ctx context.Context, r *ShareRequest) (*opening.Answer, error) {
	if f.share == nil {
		return f.Service.Share(ctx, r)
	}
	return f.share(ctx, r)
}

func (f *faulty) PublicDecrypt(ctx context.Context, r *PublicRequest) (*permit.PublicAnswer, error) {
	if f.Service == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return f.Service.PublicDecrypt(ctx, r)
}

// silent never answers.
func silent() *faulty {
	return &faulty{
		user: func(ctx context.Context, _ *permit.Request) (*seal.Answer, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		share: func(ctx context.Context, _ *ShareRequest) (*opening.Answer, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
}

func dead(err error) *faulty {
	return &faulty{
		user:  func(context.Context, *permit.Request) (*seal.Answer, error) { return nil, err },
		share: func(context.Context, *ShareRequest) (*opening.Answer, error) { return nil, err },
	}
}

var errCrash = fmt.Errorf("connection refused")

func (n *network) isMember(a fhe.Address) bool {
	for _, m := range n.Committee.Members {
		if m.Signer == a {
			return true
		}
	}
	return false
}
