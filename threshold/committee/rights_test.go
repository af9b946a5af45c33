package committee

import (
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
)

// delegate is an account that the user may name.
var delegate = secp256k1.PrivKeyFromBytes([]byte{31: 44})

// delegated asks for the user's values with a permit that the delegate signed,
// for the contract that holds them.
func (n *network) delegated(handles []fhe.Handle, spoil func(*permit.Permit)) *permit.Request {
	p := permit.NewDelegated("a test", n.userAddress(), []fhe.Address{n.contract}, 900, 1100, n.key.Public())
	if spoil != nil {
		spoil(p)
	}
	return &permit.Request{
		Domain: n.signing(), User: eip712.AddressOf(delegate.PubKey()), Permit: *p, Signature: p.Sign(n.signing(), delegate),
		TransportKey: n.key.Public(), Handles: handles,
	}
}

// TestPauseStopsDecryptions: for users, for everyone and among the parties, and
// not for longer than the pause.
func TestPauseStopsDecryptions(t *testing.T) {
	n := newNetwork(t, 30)
	h := n.value(fhe.Uint8, 7)
	n.publish(h)
	user, public := n.request([]fhe.Handle{h}, nil), &PublicRequest{Handles: []fhe.Handle{h}}
	for _, paused := range []bool{true, false} {
		n.chain.change(func(l *ledger) { l.paused = paused })
		want := map[bool]threshold.Code{true: threshold.Paused}[paused]
		if _, err := n.parties[1].UserDecrypt(t.Context(), user); code(err) != want {
			t.Errorf("paused %v: user decryption says %v", paused, err)
		}
		if _, err := n.parties[1].Share(t.Context(), &ShareRequest{Handles: public.Handles, From: 2}); code(err) != want {
			t.Errorf("paused %v: another party hears %v", paused, err)
		}
		if _, err := n.parties[1].PublicDecrypt(t.Context(), public); code(err) != want {
			t.Errorf("paused %v: public decryption says %v", paused, err)
		}
	}
	n.chain.change(func(l *ledger) { l.paused = true })
	if _, err := n.parties[1].PublicDecrypt(t.Context(), public); code(err) != threshold.Paused {
		t.Errorf("a value that was opened before: %v", err)
	}
}

// TestDenyList: neither for a denied user, nor through a denied contract, nor for
// a denied delegator.
func TestDenyList(t *testing.T) {
	n := newNetwork(t, 31)
	handles := []fhe.Handle{n.value(fhe.Uint8, 7)}
	own, delegated := n.request(handles, nil), n.delegated(handles, nil)
	n.chain.delegations[[3]fhe.Address{n.userAddress(), delegated.User, n.contract}] = 1000
	for name, c := range map[string]struct {
		account fhe.Address
		request *permit.Request
		want    threshold.Code
	}{
		"user":              {own.User, own, threshold.Denied},
		"contract":          {n.contract, own, threshold.Denied},
		"delegate":          {delegated.User, delegated, threshold.Denied},
		"delegator":         {own.User, delegated, threshold.Denied},
		"somebody else":     {fhe.Address{77}, own, ""},
		"delegate of other": {delegated.User, own, ""},
	} {
		n.chain.change(func(l *ledger) { l.denied[c.account] = true })
		if _, err := n.parties[1].UserDecrypt(t.Context(), c.request); code(err) != c.want || (c.want == "") != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		n.chain.change(func(l *ledger) { delete(l.denied, c.account) })
	}
}

// TestInvalidatedPermits: a permit that begins before the time that its signer
// set is void; one that begins then is not, nor is anyone else's.
func TestInvalidatedPermits(t *testing.T) {
	n := newNetwork(t, 32)
	handles := []fhe.Handle{n.value(fhe.Uint8, 7)}
	n.chain.invalidated[n.userAddress()] = 950
	delegated := n.delegated(handles, nil)
	n.chain.delegations[[3]fhe.Address{n.userAddress(), delegated.User, n.contract}] = 1000
	for from, want := range map[uint64]threshold.Code{900: threshold.PermitInvalidated, 949: threshold.PermitInvalidated, 950: "", 1000: ""} {
		q := n.request(handles, func(p *permit.Permit) { p.ValidFrom = from })
		if _, err := n.parties[1].UserDecrypt(t.Context(), q); code(err) != want || (want == "") != (err == nil) {
			t.Errorf("from %d: %v", from, err)
		}
	}
	n.answer(t, 1, delegated)
	n.chain.change(func(l *ledger) { l.invalidated[delegated.User] = 950 })
	if _, err := n.parties[1].UserDecrypt(t.Context(), delegated); code(err) != threshold.PermitInvalidated {
		t.Errorf("the delegate's permit: %v", err)
	}
}

// TestDelegatedDecryption: the delegate reads what the delegator may read through
// a contract that the delegation names, until it ends.
func TestDelegatedDecryption(t *testing.T) {
	n := newNetwork(t, 33)
	h, private := n.value(fhe.Uint8, 77), n.value(fhe.Uint8, 1)
	n.chain.set(private, false, n.userAddress())
	q := n.delegated([]fhe.Handle{h}, nil)
	delegation := [3]fhe.Address{n.userAddress(), q.User, n.contract}
	n.chain.delegations[delegation] = 1000
	got, o, err := n.wallet(t, n.relay(), q)
	if err != nil || got[0].Uint64() != 77 || len(o.Blames()) != 0 {
		t.Fatalf("%v, %v, %v", got, o.Blames(), err)
	}
	other := fhe.Address{0xc1}
	n.chain.set(h, true, other)
	for name, c := range map[string]struct {
		request *permit.Request
		until   uint64
		want    threshold.Code
	}{
		"in its last second":      {q, 1000, ""},
		"ended":                   {q, 999, threshold.NotDelegated},
		"revoked":                 {q, 0, threshold.NotDelegated},
		"delegator without right": {n.delegated([]fhe.Handle{private}, nil), 1000, threshold.NotAllowed},
		"another contract":        {n.delegated([]fhe.Handle{h}, func(p *permit.Permit) { p.Contracts[0] = other }), 1000, threshold.NotDelegated},
		"and another contract":    {n.delegated([]fhe.Handle{h}, func(p *permit.Permit) { p.Contracts = append(p.Contracts, other) }), 1000, threshold.NotDelegated},
		"another delegator":       {n.delegated([]fhe.Handle{h}, func(p *permit.Permit) { p.Delegator[0]++ }), 1000, threshold.NotDelegated},
		"no delegator":            {n.delegated([]fhe.Handle{h}, func(p *permit.Permit) { p.Delegator = fhe.Address{} }), 1000, threshold.NotAllowed},
	} {
		n.chain.change(func(l *ledger) { l.delegations[delegation] = c.until })
		if _, err := n.parties[1].UserDecrypt(t.Context(), c.request); code(err) != c.want || (c.want == "") != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	own := n.request([]fhe.Handle{h}, nil)
	own.Permit.Delegator = fhe.Address{5}
	if _, err := n.parties[1].UserDecrypt(t.Context(), own); code(err) != threshold.PermitBadSigner {
		t.Errorf("a delegator added to a signed permit: %v", err)
	}
}

// TestContractWallet: a contract reads what it may read with a permit that names it
// and a signature that it accepts. What its owner signed as an account is none of its
// own, nor the other way round.
func TestContractWallet(t *testing.T) {
	n := newNetwork(t, 34)
	h := n.value(fhe.Uint8, 77)
	wallet, other := fhe.Address{0xa1}, fhe.Address{0xa2}
	n.chain.set(h, true, wallet, other, fhe.Address{0xa3})
	owned := func(digest fhe.Digest, signature []byte) bool { // by the user, with a byte of its own before
		if len(signature) != 66 {
			return false
		}
		by, err := eip712.Signature(signature[1:]).Recover(digest)
		return err == nil && by == n.userAddress()
	}
	n.chain.wallets[wallet], n.chain.wallets[other] = owned, owned
	ask := func(user, account fhe.Address) *permit.Request {
		q := n.request([]fhe.Handle{h}, func(p *permit.Permit) { p.Account = account })
		q.User, q.Signature = user, append([]byte{1}, q.Signature...)
		return q
	}
	got, o, err := n.wallet(t, n.relay(), ask(wallet, wallet))
	if err != nil || got[0].Uint64() != 77 || len(o.Blames()) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	plain := n.request([]fhe.Handle{h}, nil)
	asWallet := *plain
	asWallet.User = wallet
	bare := ask(wallet, wallet)
	bare.Signature = bare.Signature[1:]
	for name, c := range map[string]struct {
		request *permit.Request
		want    threshold.Code
	}{
		"another wallet of its owner":  {ask(other, wallet), threshold.PermitBadSigner},
		"the owner's own permit":       {&asWallet, threshold.PermitBadSigner},
		"for the owner as an account":  {ask(n.userAddress(), wallet), threshold.PermitBadSigner},
		"without naming itself":        {ask(wallet, fhe.Address{}), threshold.PermitBadSigner},
		"a signature that it refuses":  {bare, threshold.PermitBadSigner},
		"an account that is no wallet": {ask(fhe.Address{0xa3}, fhe.Address{0xa3}), threshold.PermitBadSigner},
	} {
		if _, err := n.parties[1].UserDecrypt(t.Context(), c.request); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
