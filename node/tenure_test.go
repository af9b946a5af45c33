package node

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/ceremony"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
	"fhevm/threshold/reshare"
	"fhevm/threshold/reshare/resharetest"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// realm is a network of people, some of whom make its committees, and its chain.
type realm struct {
	t       *testing.T
	chain   *chain.Node
	people  []*identity.Identity
	first   *network.Description
	secrets []*dealer.Secret // of the first epoch
}

// newRealm has a first epoch of the first four of some people, in force.
func newRealm(t *testing.T, people int) *realm {
	r := found(t, people)
	var err error
	r.secrets, err = dealer.Deal(make([]uint8, squash.Dim), &r.first.Committee, rand.Reader)
	r.must(err)
	r.chain = openChain(t, r.first.Genesis())
	return r
}

// found describes a network without a chain.
func found(t *testing.T, people int) *realm {
	r := &realm{t: t, first: testNetwork()}
	for range people {
		keys, err := identity.Generate()
		r.must(err)
		r.people = append(r.people, keys)
	}
	r.first.Format = 3
	c := &r.first.Committee
	m, err := prss.NewMargin(c.Quorum(), squash.NoiseBound().Uint64())
	r.must(err)
	c.Noise, c.Stat, c.Members = m.Noise, m.Stat, r.members(0, 1, 2, 3)
	return r
}

func (r *realm) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// nobody is a coprocessor that is never asked.
const nobody = "http://127.0.0.1:1"

func (r *realm) members(people ...int) (out []threshold.Member) {
	for i, person := range people {
		out = append(out, r.people[person].Member(threshold.PartyID(i+1), fmt.Sprintf("127.0.0.1:%d", 9000+person)))
	}
	return out
}

// succeed certifies a committee of people that follows another one.
func (r *realm) succeed(last *threshold.Committee, attempt uint32, people ...int) *network.Succession {
	r.t.Helper()
	next, err := network.Propose(last, r.members(people...))
	r.must(err)
	plan := &reshare.Plan{Old: last, New: next, Attempt: attempt}
	return &network.Succession{Committee: *next, Certificate: resharetest.Certify(r.t, plan, r.people)}
}

// govern has the owner call the key registry.
func (r *realm) govern(call []byte, err error) {
	r.t.Helper()
	r.must(err)
	var hash common.Hash
	r.must(r.chain.Client().Client().CallContext(r.t.Context(), &hash, "eth_sendTransaction", map[string]any{
		"from": chain.DevAccounts()[0].Address, "to": common.Address(contracts.KeyRegistryAddress), "data": hexutil.Bytes(call),
	}))
}

func (r *realm) activate(s *network.Succession) {
	r.govern(chain.ActivateEpoch(network.OnChain(&s.Committee)))
}

func (r *realm) retire(epoch uint64) { r.govern(chain.RetireEpoch(epoch)) }

// tenant is a person's tenure, in a folder of its own with what its share of the
// first epoch is, if it has one.
type tenant struct {
	*tenure
	r    *realm
	told []string
}

func (r *realm) tenant(person int) *tenant {
	r.t.Helper()
	folder := network.Folder(r.t.TempDir())
	b, err := json.Marshal(r.first)
	r.must(err)
	r.must(os.WriteFile(filepath.Join(string(folder), "network.json"), b, 0o600))
	if person < len(r.secrets) {
		r.must(committee.SaveSecret(folder.ShareFile(threshold.PartyID(person+1)), r.secrets[person]))
	}
	x := &tenant{r: r}
	data := r.t.TempDir()
	records, err := committee.OpenRecords(committee.RecordsConfig{
		Dir: filepath.Join(data, "records"), Signer: r.people[person].Signer, SquashKey: r.first.Committee.Epoch.SquashKey,
	})
	r.must(err)
	x.tenure = &tenure{
		cfg:  &PartyConfig{Network: folder, DataDir: data, APIs: []string{nobody}, Logger: slog.New(slog.DiscardHandler), Progress: func(s string) { x.told = append(x.told, s) }},
		keys: r.people[person], records: records, view: chain.NewView(r.chain.Client(), contracts.Established, chain.Finalized), contracts: contracts.Established,
		metrics: newPartyMetrics(), open: map[uint64]*served{}, warned: map[string]bool{}, epochs: committee.NewEpochs(nil),
		lost: map[uint64]fhe.Digest{}, tidied: map[uint64]bool{},
	}
	r.t.Cleanup(func() { x.close() })
	return x
}

// add puts an epoch into the folder, with a share of it where the person is a member.
func (x *tenant) add(s *network.Succession) {
	x.r.t.Helper()
	if id, ok := s.Committee.PartyByTLS(x.keys.Fingerprint()); ok {
		keys := make([]prss.Key, len(prss.SetsOf(s.Committee.Quorum(), id)))
		x.r.must(x.cfg.Network.SaveSecret(s, &dealer.Secret{Party: id, Committee: &s.Committee, Keys: keys, Share: new(decrypt.Share)}))
	}
	_, err := x.cfg.Network.AddEpoch(s)
	x.r.must(err)
}

// look follows the registry, and demands which epochs are served then, and whether
// the one in force is known.
func (x *tenant) look(known bool, want ...uint64) {
	x.r.t.Helper()
	if err := x.update(x.r.t.Context()); errors.Is(err, errForeign) == known || (known && err != nil) {
		x.r.t.Fatalf("update: %v", err)
	}
	if got := x.epochs.Numbers(); !slices.Equal(got, want) {
		x.r.t.Errorf("serves epochs %v, want %v: %q", got, want, x.told)
	}
}

// wantTold demands how often the operator was told something.
func (x *tenant) wantTold(words string, want int) {
	x.r.t.Helper()
	got := 0
	for _, s := range x.told {
		if strings.Contains(s, words) {
			got++
		}
	}
	if got != want {
		x.r.t.Errorf("the operator is told %q %d times, want %d: %q", words, got, want, x.told)
	}
}

func (x *tenant) wantErased(path string, want bool) {
	x.r.t.Helper()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) != want {
		x.r.t.Errorf("%s: %v, want it erased: %v", path, err, want)
	}
}

// TestDepartedMember: a party whose folder lacks the epoch in force goes on following
// those that it knows, and erases a share only where all members of a following epoch
// have signed that they have theirs.
func TestDepartedMember(t *testing.T) {
	r := newRealm(t, 5)
	second := r.succeed(&r.first.Committee, 1, 0, 1, 2, 3)
	third := r.succeed(&second.Committee, 1, 4, 1, 2, 3)
	x := r.tenant(0)
	x.add(second)
	first, own := x.cfg.Network.ShareFile(1), filepath.Join(string(x.cfg.Network), "party-1.epoch-2.*.share")
	r.activate(second)
	x.look(true, 1, 2)
	r.activate(third)
	r.retire(1)
	x.look(false, 2)
	x.wantErased(first, true)
	r.retire(2)
	x.look(false, 2)
	x.look(false, 2)
	x.wantTold("get epoch-3.json", 1)
	x.add(third)
	x.look(true)
	if left, _ := filepath.Glob(own); len(left) != 0 {
		t.Errorf("%v is still there", left)
	}
}

// TestReturningMember: who is counted among the members of the epoch in force, and
// has no share of it, keeps the old one.
func TestReturningMember(t *testing.T) {
	r := newRealm(t, 5)
	second := r.succeed(&r.first.Committee, 1, 4, 1, 2, 3)
	third := r.succeed(&second.Committee, 1, 1, 2, 3, 0)
	x := r.tenant(0)
	x.add(second)
	r.activate(second)
	r.activate(third)
	r.retire(1)
	x.look(false)
	x.wantErased(x.cfg.Network.ShareFile(1), false)
	x.wantTold("it has none of epoch 3, of which it is a member", 1)
	x.add(third)
	x.look(true, 3)
	x.wantErased(x.cfg.Network.ShareFile(1), true)
}

// TestOtherCommittee: of two committees for one epoch the one that the registry has is
// served, whichever the folder had before; the share of the other goes.
func TestOtherCommittee(t *testing.T) {
	r := newRealm(t, 5)
	late, right := r.succeed(&r.first.Committee, 1, 0, 1, 2, 3), r.succeed(&r.first.Committee, 2, 0, 1, 2, 4)
	x := r.tenant(0)
	x.add(late)
	x.look(true, 1)
	r.activate(right)
	x.look(false, 1)
	r.retire(1)
	x.look(false, 1)
	x.wantTold("get the right epoch-2.json", 1)
	x.wantErased(x.cfg.Network.ShareFile(1), false)
	plan := &reshare.Plan{Old: &r.first.Committee, New: &right.Committee, Attempt: 2}
	d, err := x.cfg.Network.Description()
	r.must(err)
	if !x.awaits(plan, d) {
		t.Error("does not finish what it has confirmed once it is in force")
	}
	x.add(right)
	x.look(true, 2)
	if left, _ := filepath.Glob(filepath.Join(string(x.cfg.Network), "party-1.*share")); len(left) != 1 {
		t.Errorf("shares %v are there", left)
	}
	tooLate := &resharing{tenure: x.tenure, plan: &reshare.Plan{Old: plan.Old, New: &late.Committee, Attempt: 1}}
	if err := tooLate.save(t.Context(), &ceremony.Outcome{Certificate: late.Certificate}); !errors.Is(err, errOtherCommittee) {
		t.Errorf("a certificate that comes too late: %v", err)
	}
	d, err = x.cfg.Network.Description()
	r.must(err)
	if x.awaits(plan, d) {
		t.Error("does again what is done")
	}
}

// TestChainAhead: a party follows a chain that is ahead of its folder, a node does not.
func TestChainAhead(t *testing.T) {
	r := newRealm(t, 4)
	view := chain.NewView(r.chain.Client(), contracts.Established, chain.Finalized)
	check := func(d *network.Description, party, node bool) {
		t.Helper()
		if err := checkChain(t.Context(), view, d); (err == nil) != party {
			t.Errorf("a party: %v", err)
		}
		if err := checkPresent(t.Context(), view, d); (err == nil) != node {
			t.Errorf("a node: %v", err)
		}
	}
	other := *r.first
	other.Committee.Members = slices.Clone(other.Committee.Members)
	other.Committee.Members[0].Signer[0]++
	check(r.first, true, true)
	check(&other, false, false)
	r.activate(r.succeed(&r.first.Committee, 1, 3, 2, 1, 0))
	check(r.first, true, false)
	check(&other, false, false)
}

// begun has a person begin an attempt in a folder, and returns the journal.
func (r *realm) begun(person int, s *network.Succession, dir string) string {
	r.t.Helper()
	plan := &reshare.Plan{Old: &r.first.Committee, New: &s.Committee, Attempt: s.Certificate.Attempt}
	c := ceremony.Config{Plan: plan, Identity: r.people[person], Dir: dir}
	if person < len(r.secrets) {
		c.Lender = heldShare{r.secrets[person].Share, 1}
	}
	session, err := ceremony.Open(c)
	r.must(err)
	r.must(session.Close())
	return filepath.Join(dir, fmt.Sprintf("attempt-%d", s.Certificate.Attempt), "new.journal")
}

// TestLoser: who is only in a committee that did not come in force keeps nothing of it.
func TestLoser(t *testing.T) {
	r := newRealm(t, 5)
	late, right := r.succeed(&r.first.Committee, 1, 0, 1, 2, 4), r.succeed(&r.first.Committee, 2, 0, 1, 2, 3)
	x := r.tenant(4)
	x.add(late)
	journal := r.begun(4, late, x.journals(2))
	share := x.cfg.Network.ShareFileOf(&network.Description{Later: []network.Succession{*late}}, 2, 4)
	r.activate(right)
	x.look(false)
	x.wantErased(share, false)
	x.add(right)
	url, err := r.chain.Listen("127.0.0.1:0")
	r.must(err)
	identity := filepath.Join(t.TempDir(), "party.identity")
	r.must(committee.SaveIdentity(identity, x.keys, ""))
	err = RunParty(t.Context(), PartyConfig{Network: x.cfg.Network, Identity: identity, DataDir: x.cfg.DataDir, RPC: "http://" + url, APIs: []string{nobody}})
	if err == nil || !strings.Contains(err.Error(), "in none of the network's committees") {
		t.Errorf("a party of no committee runs: %v", err)
	}
	x.wantErased(share, true)
	x.wantErased(journal, true)
}

// TestFewWords: an epoch whose digest policy needs more coprocessors than the party asks
// is not served, and one that recomputes serves it.
func TestFewWords(t *testing.T) {
	r := newRealm(t, 4)
	x := r.tenant(0)
	x.cfg.APIs = nil
	if err := x.update(t.Context()); err == nil || !strings.Contains(err.Error(), "give --api once for the node of each") || x.open[1] != nil {
		t.Errorf("nobody is asked: %v", err)
	}
	x.cfg.APIs, x.cfg.Own = []string{nobody}, fhe.Address{7}.String()
	x.look(true, 1)
}

// TestTidyAgain: what could not be erased is tried again.
func TestTidyAgain(t *testing.T) {
	r := newRealm(t, 4)
	second := r.succeed(&r.first.Committee, 1, 0, 1, 2, 3)
	x := r.tenant(0)
	journal := r.begun(0, second, x.journals(2))
	x.add(second)
	r.activate(second)
	inTheWay := filepath.Join(x.journals(2), "attempt-7")
	r.must(os.WriteFile(inTheWay, nil, 0o600))
	if err := x.update(t.Context()); err == nil {
		t.Error("journals that cannot be read are taken for erased")
	}
	x.wantErased(journal, false)
	r.must(os.Remove(inTheWay))
	x.look(true, 1, 2)
	x.wantErased(journal, true)
}
