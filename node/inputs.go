package node

import (
	"context"
	"errors"
	"net/http"

	"fhevm/chain"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// attestation is the type of what a coprocessor signs for an input list (SPEC 2.7).
const attestation = "InputAttestation(bytes32 list,address contractAddress,address user,bytes32[] handles)"

// sign signs an attestation, in the domain of the ACL.
func (n *Node) sign(a *fhe.AttestedInput) {
	domain := eip712.Domain{ChainID: a.Binding.Domain.ChainID, Verifier: a.Binding.Domain.ACL}
	hash := eip712.NewStruct(attestation).Word(a.List).Address(a.Binding.Contract).Address(a.Binding.User).Handles(a.Handles()).Hash()
	a.Signature = eip712.Sign(n.keys.Signer, domain.Digest(hash))
}

// findInputs asks an attached chain whether its input verifier takes this
// coprocessor's word.
func (n *Node) findInputs(ctx context.Context) {
	a := &fhe.AttestedInput{Binding: fhe.Binding{Domain: n.Domain(), Contract: fhe.Address{1}, User: fhe.Address{2}}, Types: []fhe.Type{fhe.Bool}}
	n.sign(a)
	if err := n.view().TakesInput(ctx, a); err != nil {
		n.config.Logger.Info("the chain takes whole inputs in transactions, not attestations", "cause", err)
		return
	}
	n.inputs = sdk.InputsAttested
}

// attest keeps a list, and only then vouches for it.
func (n *Node) attest(encoding []byte) (*sdk.Attestation, error) {
	if n.inputs != sdk.InputsAttested {
		return nil, threshold.Faultf(threshold.BadRequest, "this network takes the whole list in the transaction: pass it as the input's proof")
	}
	var list fhe.InputList
	if err := list.UnmarshalBinary(encoding); err != nil {
		return nil, threshold.Faultf(threshold.BadRequest, "list: %v", err)
	}
	want := list.Binding
	want.Domain = n.Domain()
	if err := list.Binding.Check(want); err != nil {
		return nil, threshold.Faultf(threshold.BadRequest, "list: %v", err)
	}
	if err := n.coprocessor.Stage(encoding); errors.Is(err, store.ErrManyStaged) {
		return nil, threshold.Faultf(threshold.Busy, "%v", err)
	} else if err != nil {
		return nil, err
	}
	a := list.Attest(encoding)
	n.sign(a)
	proof, err := a.MarshalBinary()
	return &sdk.Attestation{
		Digest: a.List, Contract: a.Binding.Contract, User: a.Binding.User, Handles: a.Handles(), Signature: a.Signature[:], Proof: proof,
	}, err
}

// inputs serves POST /v1/inputs (SPEC 9.7).
func (a *api) inputs(w http.ResponseWriter, r *http.Request) error {
	var req sdk.InputRequest
	if err := readJSON(r, &req); err != nil {
		return err
	}
	attested, err := a.node.attest(req.List)
	if err != nil {
		return err
	}
	return writeJSON(w, attested)
}

// view is how this process's roles see the chain.
func (n *Node) view() *chain.View {
	return chain.NewView(n.chain.Client(), n.network.Contracts, n.depth)
}
