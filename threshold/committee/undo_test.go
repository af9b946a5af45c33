package committee

import (
	"context"
	"errors"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
)

// ask makes every kind of request for one value and returns what party 1 says.
func (n *network) ask(t *testing.T, h fhe.Handle) map[string]error {
	t.Helper()
	handles := []fhe.Handle{h}
	_, user := n.parties[1].UserDecrypt(t.Context(), n.request(handles, nil))
	_, share := n.parties[1].Share(t.Context(), &ShareRequest{Handles: handles, From: 2})
	_, public := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: handles})
	return map[string]error{"user": user, "share": share, "public": public}
}

// TestUndoneDecision: a decision whose block is undone while the value is
// prepared is void. Nothing is disclosed or counted, and the value, if it comes
// again, is decrypted as ever.
func TestUndoneDecision(t *testing.T) {
	n := newNetwork(t, 40)
	h := n.value(fhe.Uint8, 7)
	n.publish(h)
	n.cop.meanwhile = func() { n.chain.change(func(l *ledger) { l.undone++ }) }
	for kind, err := range n.ask(t, h) {
		if code(err) != threshold.NotReady {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if got := n.openings(t, 1); got != 0 {
		t.Errorf("%d openings are counted", got)
	}
	n.cop.meanwhile = nil
	for kind, err := range n.ask(t, h) {
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if got := n.openings(t, 1); got != 2 {
		t.Errorf("%d openings are counted, want 2", got)
	}
	n.chain.change(func(l *ledger) { l.undone++; l.public[h] = false })
	n.chain.set(h, false, n.userAddress(), n.contract)
	for kind, err := range n.ask(t, h) {
		if got := code(err); got != threshold.NotAllowed && got != threshold.NotPublic {
			t.Errorf("%s, of a value that exists no more: %v", kind, err)
		}
	}
	if got := n.openings(t, 1); got != 2 {
		t.Errorf("%d openings are counted after the value is gone, want 2: what was opened stays opened", got)
	}
}

// undoneView fails to read, since its block is gone.
type undoneView struct{ *ledger }

func (v undoneView) Finalized(context.Context) (*Block, error) {
	return &Block{Number: 9, Time: 1000, Rights: goneRights(v)}, nil
}

type goneRights struct{ *ledger }

func (goneRights) Final(context.Context) (bool, error) { return false, nil }
func (goneRights) Paused(context.Context) (bool, error) {
	return false, errors.New("header not found")
}

// TestUndoneWhileRead: of a block that is undone while it is read the user is
// told so.
func TestUndoneWhileRead(t *testing.T) {
	n := newNetwork(t, 41)
	h := n.value(fhe.Uint8, 7)
	p := n.parties[1]
	p.cfg.Chain = undoneView{n.chain}
	for kind, err := range n.ask(t, h) {
		if code(err) != threshold.NotReady {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestEpochInForce: a party acts while the key registry has its epoch in force,
// and takes its place there.
func TestEpochInForce(t *testing.T) {
	n := newNetwork(t, 42)
	h := n.value(fhe.Uint8, 7)
	n.publish(h)
	other := *n.Committee
	other.Epoch.Number++
	moved := *n.Committee
	moved.Members = append([]threshold.Member{}, n.Committee.Members...)
	moved.Members[0].Signer, moved.Members[1].Signer = moved.Members[1].Signer, moved.Members[0].Signer
	for name, change := range map[string]func(*ledger){
		"retired":         func(l *ledger) { l.retired = true },
		"not activated":   func(l *ledger) { l.committee = &other },
		"in other places": func(l *ledger) { l.committee = &moved },
	} {
		n.chain.change(change)
		for kind, err := range n.ask(t, h) {
			if code(err) != threshold.EpochNotActive {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
		n.chain.change(func(l *ledger) { l.retired, l.committee = false, n.Committee })
	}
	if got := n.openings(t, 1); got != 0 {
		t.Errorf("%d openings are counted", got)
	}
	for kind, err := range n.ask(t, h) {
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
