package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"fhevm/chain"
	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
)

// inspector is the account by which a developer reads any value of a
// development network. It is drawn when the node starts, and its key stays in
// the process. The parties that this process plays take it for a user and a
// contract with rights on every handle; to the chain, and so to parties
// elsewhere, it is nobody. Everything else about its decryptions is as for users.
type inspector struct {
	key      *secp256k1.PrivateKey
	user     fhe.Address
	contract fhe.Address
}

func newInspector() (*inspector, error) {
	key, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		return nil, fmt.Errorf("draw the developer's account: %w", err)
	}
	i := &inspector{key: key, user: eip712.AddressOf(key.PubKey())}
	_, err = rand.Read(i.contract[:])
	return i, err
}

// committeeView is how the parties that this process plays see the chain.
func (n *Node) committeeView(v *chain.View) committee.Chain {
	if n.inspector == nil {
		return chainView{v}
	}
	return inspectedChain{chainView{v}, n.inspector}
}

// inspectedChain is a party's view of the chain on which the inspector has
// every right.
type inspectedChain struct {
	committee.Chain
	*inspector
}

// Finalized implements committee.Chain.
func (c inspectedChain) Finalized(ctx context.Context) (*committee.Block, error) {
	b, err := c.Chain.Finalized(ctx)
	if err != nil {
		return nil, err
	}
	return &committee.Block{Number: b.Number, Time: b.Time, Rights: inspectedRights{b.Rights, c.inspector}}, nil
}

type inspectedRights struct {
	committee.Rights
	*inspector
}

// PersistAllowed implements committee.Rights.
func (r inspectedRights) PersistAllowed(ctx context.Context, h fhe.Handle, account fhe.Address) (bool, error) {
	if account == r.user || account == r.contract {
		return true, nil
	}
	return r.Rights.PersistAllowed(ctx, h, account)
}

// decryption is the inspector's signed request for one value, in force at a
// Unix time.
func (i *inspector) decryption(p *sdk.Parameters, h fhe.Handle, now uint64) (*sdk.Decryption, error) {
	d, err := p.NewDecryption(sdk.Reading{
		Origin: "the developer of this network", User: i.user, Contracts: []fhe.Address{i.contract}, Handles: []fhe.Handle{h},
		From: now, Until: now + inspectionTime,
	})
	if err != nil {
		return nil, err
	}
	d.Sign(i.key)
	return d, nil
}

// inspectionTime is how long the inspector's permits are valid, in seconds.
const inspectionTime = 3600

// devAPI is the JSON-RPC namespace fhevm of a development node.
type devAPI struct{ node *Node }

// DecryptHandle serves fhevm_decryptHandle: the value of any handle, once it is
// computed (SPEC 8.6).
func (a *devAPI) DecryptHandle(ctx context.Context, h fhe.Handle) (*hexutil.U256, error) {
	v, err := a.node.inspect(ctx, h)
	return (*hexutil.U256)(v), err
}

// inspect has the parties that this process plays decrypt any handle.
func (n *Node) inspect(ctx context.Context, h fhe.Handle) (*uint256.Int, error) {
	if n.inspector == nil {
		return nil, errors.New("fhevm_decryptHandle needs a node of a dev network that plays the committee: the parties of this one decrypt by permit only")
	}
	if err := n.api.wait(ctx, h, maxWait); err != nil {
		return nil, err
	}
	status, err := n.coprocessor.Status(h)
	if err = errors.Join(err, status.Err()); err != nil {
		return nil, inspectFault(h, err)
	}
	head, err := n.chain.Client().HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, err
	}
	d, err := n.inspector.decryption(n.Parameters(), h, max(head.Time, uint64(time.Now().Unix())))
	if err != nil {
		return nil, err
	}
	return n.parties.open(ctx, d)
}

// open has the parties answer a request whose transport key is at hand.
func (p *parties) open(ctx context.Context, d *sdk.Decryption) (*uint256.Int, error) {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	var done bool
	var broken error
	err := p.userDecrypt(ctx, &d.Request, func(r sdk.Reply) {
		if done || broken != nil {
			return
		}
		if done, broken = d.Add(r); done || broken != nil {
			enough()
		}
	})
	switch {
	case broken != nil:
		return nil, broken
	case !done && err != nil:
		return nil, err
	case !done:
		return nil, d.Failure()
	}
	values, err := d.Values()
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// inspectFault says to the developer why a handle has no value.
func inspectFault(h fhe.Handle, err error) error {
	switch {
	case errors.Is(err, coprocessor.ErrUnwanted):
		return fmt.Errorf("handle %s is not computed, since nobody may ever decrypt it: the contract has to call FHE.allowThis(handle)", h)
	case errors.Is(err, coprocessor.ErrPending):
		return fmt.Errorf("handle %s is not computed after %v: ask again", h, maxWait)
	case errors.Is(err, coprocessor.ErrUnknown):
		return fmt.Errorf("handle %s: no block of this chain made it", h)
	}
	return err
}
