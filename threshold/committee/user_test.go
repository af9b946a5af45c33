package committee

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// TestUserDecrypt reads a balance and a flag through four parties, then with
// one of them silent.
func TestUserDecrypt(t *testing.T) {
	n := newNetwork(t, 1)
	q := n.request([]fhe.Handle{n.value(fhe.Uint64, 12345678901234), n.value(fhe.Bool, 1)}, nil)
	for _, missing := range []threshold.PartyID{0, 3} {
		r := n.relay()
		if missing != 0 {
			r.Parties[missing] = silent()
		}
		got, o, err := n.wallet(t, r, q)
		if err != nil || got[0].Uint64() != 12345678901234 || got[1].Uint64() != 1 {
			t.Fatalf("without party %d: %v, %v", missing, got, err)
		}
		if o.Heard().Len() != 3 || len(o.Blames()) != 0 {
			t.Errorf("heard %v, blames %v", o.Heard(), o.Blames())
		}
	}
}

func code(err error) threshold.Code {
	var f *threshold.Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// TestUserRefusals: each missing right or broken rule is refused with its
// code, through the relay as by each party.
func TestUserRefusals(t *testing.T) {
	n := newNetwork(t, 2)
	h := n.value(fhe.Uint8, 7)
	foreign, late, unsquashed := h, n.value(fhe.Uint8, 1), h
	foreign[29]++
	unsquashed[0]++
	n.chain.set(foreign, true, n.userAddress(), n.contract)
	n.chain.set(unsquashed, true, n.userAddress(), n.contract)
	n.chain.set(late, false, n.contract)
	stranger := secp256k1.PrivKeyFromBytes([]byte{31: 43})
	asStranger := n.request([]fhe.Handle{h}, nil)
	asStranger.User = eip712.AddressOf(stranger.PubKey())
	asStranger.Signature = asStranger.Permit.Sign(n.signing(), stranger)
	stolen := n.request([]fhe.Handle{h}, nil)
	stolen.User = asStranger.User
	for name, c := range map[string]struct {
		request *permit.Request
		want    threshold.Code
	}{
		"user without right":     {asStranger, threshold.NotAllowed},
		"contract without right": {n.request([]fhe.Handle{late}, nil), threshold.NotAllowed},
		"contract not named":     {n.request([]fhe.Handle{h}, func(p *permit.Permit) { p.Contracts = p.Contracts[:1] }), threshold.NotAllowed},
		"one handle of two":      {n.request([]fhe.Handle{h, late}, nil), threshold.NotAllowed},
		"another's permit":       {stolen, threshold.PermitBadSigner},
		"expired":                {n.request([]fhe.Handle{h}, func(p *permit.Permit) { p.ValidUntil = 999 }), threshold.PermitExpired},
		"not yet valid":          {n.request([]fhe.Handle{h}, func(p *permit.Permit) { p.ValidFrom = 1001 }), threshold.PermitNotYetValid},
		"another chain's handle": {n.request([]fhe.Handle{foreign}, nil), threshold.UnknownHandle},
		"not computed":           {n.request([]fhe.Handle{unsquashed}, nil), threshold.NotReady},
		"no handle":              {n.request(nil, nil), threshold.BadRequest},
	} {
		if _, err := n.parties[1].UserDecrypt(t.Context(), c.request); code(err) != c.want {
			t.Errorf("%s: party says %v, want %s", name, err, c.want)
		}
		if _, _, err := n.wallet(t, n.relay(), c.request); code(err) != c.want {
			t.Errorf("%s: relay says %v, want %s", name, err, c.want)
		}
	}
	if got := n.openings(t, 1); got != 0 {
		t.Errorf("refusals opened %d blocks", got)
	}
}

// TestPermitTime: permits are measured by the later of the chain's time and the
// party's clock: they expire on a chain that stands still, and begin on it.
func TestPermitTime(t *testing.T) {
	n := newNetwork(t, 12)
	h := n.value(fhe.Uint8, 7)
	for _, c := range []struct {
		chain       uint64
		clock       int64
		from, until uint64
		want        threshold.Code
	}{
		{1000, 1000, 1000, 1000, ""},
		{1000, 5000, 5000, 6000, ""}, // begins now, the chain is idle
		{1000, 5000, 1000, 4999, threshold.PermitExpired},
		{1000, 5000, 1000, 5000, ""},
		{1000, 5000, 5001, 6000, threshold.PermitNotYetValid},
		{5000, 1000, 5000, 6000, ""}, // begins with the last block, the chain runs ahead
		{5000, 1000, 1000, 4999, threshold.PermitExpired},
		{5000, 1000, 5001, 6000, threshold.PermitNotYetValid},
		{1000, -5, 900, 1100, ""},
	} {
		n.chain.mu.Lock()
		n.chain.time = c.chain
		n.chain.mu.Unlock()
		n.clock.Store(c.clock)
		q := n.request([]fhe.Handle{h}, func(p *permit.Permit) { p.ValidFrom, p.ValidUntil = c.from, c.until })
		if _, err := n.parties[1].UserDecrypt(t.Context(), q); code(err) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func (n *network) openings(t *testing.T, id threshold.PartyID) uint64 {
	t.Helper()
	count, err := n.records[id].store.openings(n.Committee.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// TestRepeatedRequest: the same question gets the same shares, also after a
// crash that loses all that was not synced; a right that is gone ends it.
func TestRepeatedRequest(t *testing.T) {
	n := newNetwork(t, 3)
	h := n.value(fhe.Uint16, 513)
	q := n.request([]fhe.Handle{h}, nil)
	first := n.shares(t, 2, q)
	short := *q
	short.Signature[64] -= 27 // the same signature in its other form
	if again := n.shares(t, 2, &short); !slices.Equal(again, first) {
		t.Error("a repeated request gets other shares")
	}
	n.disks[2] = n.disks[2].CrashClone(vfs.CrashCloneCfg{})
	n.start(t, 2)
	if got := n.openings(t, 2); got != 4 {
		t.Errorf("after a crash %d openings are counted, want 4", got)
	}
	if again := n.shares(t, 2, q); !slices.Equal(again, first) {
		t.Error("after a crash a repeated request gets other shares")
	}
	if got := n.openings(t, 2); got != 4 {
		t.Errorf("after a crash and a repeated request %d openings are counted, want 4", got)
	}
	n.chain.set(h, false, n.userAddress())
	if _, err := n.parties[2].UserDecrypt(t.Context(), q); code(err) != threshold.NotAllowed {
		t.Errorf("without the right: %v", err)
	}
}

// shares has a party answer a request and returns what it sealed, which must
// open together with the answers of two others.
func (n *network) shares(t *testing.T, id threshold.PartyID, q *permit.Request) []decrypt.Partial {
	t.Helper()
	r := n.relay()
	delete(r.Parties, id%4+1)
	if _, o, err := n.wallet(t, r, q); err != nil || !o.Heard().Has(id) || len(o.Blames()) != 0 {
		t.Fatalf("heard %v, blames %v, %v", o.Heard(), o.Blames(), err)
	}
	return n.partials(t, id, q.Handles)
}

// TestRequestsLeaveNothing: permits are free, so any number of them must not
// fill a party's store; nor may lists of the same public handles. Its log has the
// decision of each, and nothing else.
func TestRequestsLeaveNothing(t *testing.T) {
	n := newNetwork(t, 10)
	a, b := n.value(fhe.Uint8, 1), n.value(fhe.Bool, 1)
	both := []fhe.Handle{a, b}
	n.publish(both...)
	n.answer(t, 1, n.request(both, nil))
	n.tallyOne(t, 1, both)
	want, begun := n.rows(t, 1), len(n.decisions(t, n.disks[1]))
	for i := range uint64(10) {
		other := func(p *permit.Permit) { p.ValidUntil += i }
		for _, handles := range [][]fhe.Handle{both, {b, a}, {a}, {b}} {
			n.answer(t, 1, n.request(handles, other))
			n.tallyOne(t, 1, handles)
		}
	}
	if got := n.rows(t, 1); !maps.Equal(got, want) {
		t.Errorf("the store has %d rows, and %d after further requests, or others", len(want), len(got))
	}
	for _, d := range n.decisions(t, n.disks[1])[begun:] {
		if d.Method == audit.Squash || d.Fresh != 0 || d.Refusal != "" {
			t.Errorf("a further request leaves %+v", d)
		}
	}
	if got := len(n.decisions(t, n.disks[1])) - begun; got != 10*4*2 {
		t.Errorf("%d decisions on record", got)
	}
}

func (n *network) tallyOne(t *testing.T, id threshold.PartyID, handles []fhe.Handle) {
	t.Helper()
	if _, err := n.parties[id].PublicDecrypt(t.Context(), &PublicRequest{Handles: handles}); err != nil {
		t.Fatal(err)
	}
}

// rows is what a party has stored.
func (n *network) rows(t *testing.T, id threshold.PartyID) map[string]string {
	t.Helper()
	it, err := n.records[id].store.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for it.First(); it.Valid(); it.Next() {
		rows[string(it.Key())] = string(it.Value())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func (n *network) answer(t *testing.T, id threshold.PartyID, q *permit.Request) {
	t.Helper()
	if _, err := n.parties[id].UserDecrypt(t.Context(), q); err != nil {
		t.Fatal(err)
	}
}

// TestOpeningsAreDistinct: other permits for the same value, in the same or
// another order, open nothing new.
func TestOpeningsAreDistinct(t *testing.T) {
	n := newNetwork(t, 4)
	a, b := n.value(fhe.Uint16, 1), n.value(fhe.Uint8, 2)
	for i, handles := range [][]fhe.Handle{{a}, {a, b}, {b, a}, {b}} {
		q := n.request(handles, func(p *permit.Permit) { p.ValidUntil += uint64(i) })
		n.answer(t, 1, q)
		if want := []uint64{4, 6, 6, 6}[i]; n.openings(t, 1) != want {
			t.Errorf("after request %d: %d openings, want %d", i, n.openings(t, 1), want)
		}
	}
}

// TestLimit: at the limit new blocks are refused for good and nothing is
// recorded, while known ones still open.
func TestLimit(t *testing.T) {
	n := newNetwork(t, 5)
	a, b := n.value(fhe.Uint16, 1), n.value(fhe.Uint16, 2)
	p := n.parties[1]
	p.limit = 7
	n.answer(t, 1, n.request([]fhe.Handle{a}, nil))
	for range 2 {
		if _, err := p.UserDecrypt(t.Context(), n.request([]fhe.Handle{b}, nil)); code(err) != threshold.LimitReached {
			t.Fatalf("beyond the limit: %v", err)
		}
	}
	if got := n.openings(t, 1); got != 4 {
		t.Errorf("%d openings, want 4", got)
	}
	n.answer(t, 1, n.request([]fhe.Handle{a}, func(p *permit.Permit) { p.ValidFrom++ }))
}

// TestDigestPolicy: bytes that nobody accepted attests, and bytes that differ
// from those opened before, are refused before anything is opened.
func TestDigestPolicy(t *testing.T) {
	n := newNetwork(t, 6)
	h := n.value(fhe.Uint8, 7)
	rogue := secp256k1.PrivKeyFromBytes([]byte{31: 8})
	n.cop.key, rogue = rogue, n.cop.key
	q := n.request([]fhe.Handle{h}, nil)
	if _, err := n.parties[1].UserDecrypt(t.Context(), q); code(err) != threshold.DigestRejected {
		t.Errorf("a stranger's attestation: %v", err)
	}
	n.cop.key = rogue
	n.cop.squashKey[0]++
	if _, err := n.parties[1].UserDecrypt(t.Context(), q); code(err) != threshold.DigestRejected {
		t.Errorf("a word for blocks under another squash key: %v", err)
	}
	n.cop.squashKey[0]--
	n.answer(t, 1, q)
	n.cop.put(h, lwetest.Value(n.rng, n.Bits, fhe.Uint8, uint256.NewInt(7)))
	later := n.request([]fhe.Handle{h}, func(p *permit.Permit) { p.ValidFrom++ })
	if _, err := n.parties[1].UserDecrypt(t.Context(), later); code(err) != threshold.DigestRejected {
		t.Errorf("other bytes for the same handle: %v", err)
	}
	n.cop.put(h, lwetest.Value(n.rng, n.Bits, fhe.Uint16, uint256.NewInt(7)))
	if _, err := n.parties[2].UserDecrypt(t.Context(), later); code(err) != threshold.DigestRejected {
		t.Errorf("blocks of another type: %v", err)
	}
	if got := n.openings(t, 1); got != 2 {
		t.Errorf("%d openings, want 2", got)
	}
}

// TestLyingParty: a wrong share sealed by an insider is named by the wallet.
func TestLyingParty(t *testing.T) {
	n := newNetwork(t, 7)
	q := n.request([]fhe.Handle{n.value(fhe.Uint8, 200)}, nil)
	o, err := seal.NewOpening(seal.NewContext(n.domain, n.Committee.Epoch, q), n.Committee, n.key)
	if err != nil {
		t.Fatal(err)
	}
	partials := n.partials(t, 3, q.Handles)
	partials[1].Share[0] ^= 1
	lie, err := seal.Seal(seal.NewContext(n.domain, n.Committee.Epoch, q), 3, n.Identities[2].Signer, q.TransportKey, partials)
	if err != nil {
		t.Fatal(err)
	}
	for _, add := range []func() (*seal.Answer, error){
		func() (*seal.Answer, error) { return lie, nil },
		func() (*seal.Answer, error) { return n.parties[1].UserDecrypt(t.Context(), q) },
		func() (*seal.Answer, error) { return n.parties[2].UserDecrypt(t.Context(), q) },
		func() (*seal.Answer, error) { return n.parties[4].UserDecrypt(t.Context(), q) },
	} {
		a, err := add()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	v, err := o.Values()
	if err != nil || v[0].Uint64() != 200 || len(o.Blames()) != 1 || o.Blames()[0].Party != 3 {
		t.Errorf("%v, blames %v, %v", v, o.Blames(), err)
	}
}

// TestOpenRefuses configurations that would be unsafe.
func TestOpenRefuses(t *testing.T) {
	n := newNetwork(t, 8)
	for name, spoil := range map[string]func(*Config){
		"another's secret":      func(c *Config) { c.Secret = n.Secrets[1] },
		"another's records":     func(c *Config) { c.Records = n.records[2] },
		"another key":           func(c *Config) { c.Domain.KeyID[0]++ },
		"another version":       func(c *Config) { c.Domain.Version++ },
		"one word":              func(c *Config) { c.Development = false },
		"no policy":             sealed(func(c *threshold.Committee) { c.Policy = threshold.Policy{} }),
		"no margin":             sealed(func(c *threshold.Committee) { c.Stat++ }),
		"noise above the bound": sealed(func(c *threshold.Committee) { c.Noise-- }),
	} {
		c := n.config(1)
		spoil(&c)
		if _, err := Open(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// sealed changes the committee in a party's file.
func sealed(change func(*threshold.Committee)) func(*Config) {
	return func(c *Config) {
		s, committee := *c.Secret, *c.Secret.Committee
		change(&committee)
		s.Committee = &committee
		c.Secret = &s
	}
}

func TestClosed(t *testing.T) {
	n := newNetwork(t, 9)
	q := n.request([]fhe.Handle{n.value(fhe.Uint8, 1)}, nil)
	if err := n.records[1].Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.parties[1].UserDecrypt(t.Context(), q); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestSquashRequest: a coprocessor squashes for members of this epoch only.
func TestSquashRequest(t *testing.T) {
	n := newNetwork(t, 11)
	h := n.value(fhe.Uint8, 1)
	good := NewSquashRequest(n.domain, n.Committee.Epoch, 2, n.Identities[1].Signer, h)
	if err := good.Verify(n.domain, n.Committee); err != nil {
		t.Fatal(err)
	}
	later := n.Committee.Epoch
	later.Number++
	posed, other := *good, *good
	posed.Party = 3
	other.Handle[0]++
	for name, r := range map[string]*SquashRequest{
		"stranger": NewSquashRequest(n.domain, n.Committee.Epoch, 2, n.user, h), "another party": &posed, "another handle": &other,
		"another epoch": NewSquashRequest(n.domain, later, 2, n.Identities[1].Signer, h), "no such party": {Handle: h, Party: 9},
	} {
		if err := r.Verify(n.domain, n.Committee); code(err) != threshold.NotMember {
			t.Errorf("%s: %v", name, err)
		}
	}
}
