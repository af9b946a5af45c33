package sdk

import (
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/holiman/uint256"
)

// Decryption is one re-encryption, from the permit that the user signs to the
// clear values. The transport key is drawn for it alone and stays inside.
// It is not safe for concurrent use.
type Decryption struct {
	Request permit.Request

	parameters *Parameters
	key        *seal.TransportKey
	opening    *seal.Opening
	problem    *Problem
}

// Reply is a line of the wallet API's response to a request (SPEC 9.3): a
// party's answer, or in the end why too few came.
type Reply struct {
	Answer  *seal.Answer `json:"answer,omitempty"`
	Problem *Problem     `json:"error,omitempty"`
}

// Problem is an error as the wallet API reports it.
type Problem struct {
	Code    threshold.Code `json:"code"`
	Message string         `json:"message"`
	// RetryAfter is in how many seconds to ask again; 0 where nobody knows.
	RetryAfter int `json:"retryAfter,omitempty"`
}

// Error is the message.
func (p *Problem) Error() string { return p.Message }

// Reading says which values are to be read, by whom, and with what permit.
type Reading struct {
	Origin    string        // who asks, for the statement that the user reads
	User      fhe.Address   // who signs
	Delegator fhe.Address   // whose values they are, zero for the user's own
	Contract  bool          // the user is a contract, which accepts signatures by ERC-1271
	Contracts []fhe.Address // that hold them
	Handles   []fhe.Handle

	// The permit is in force from and until these Unix times, both inclusive,
	// measured by the later of the chain's last block and a party's clock.
	From, Until uint64
}

// NewDecryption prepares a request for the values of r's handles. For each handle
// the user and one of the contracts must have persistent rights; a delegator must
// have them in the user's place, and have named the user for each of the contracts
// by the ACL's delegateForUserDecryption.
func (p *Parameters) NewDecryption(r Reading) (*Decryption, error) {
	key, err := seal.GenerateTransportKey()
	if err != nil {
		return nil, err
	}
	return p.NewDecryptionTo(key, r)
}

// NewDecryptionTo is NewDecryption with a transport key at hand, as a wallet has
// that keeps one permit for several requests. Whoever has the key and the
// parties' replies reads the values.
func (p *Parameters) NewDecryptionTo(key *seal.TransportKey, r Reading) (*Decryption, error) {
	d := &Decryption{parameters: p, key: key}
	d.Request = permit.Request{
		Domain: p.SigningDomain(), User: r.User, TransportKey: key.Public(), Handles: r.Handles,
		Epoch:  p.Committee.Epoch.Number,
		Permit: *permit.NewDelegated(r.Origin, r.Delegator, r.Contracts, r.From, r.Until, key.Public()),
	}
	if r.Contract {
		d.Request.Permit.Account = r.User
	}
	if err := d.Request.Permit.Check(); err != nil {
		return nil, err
	}
	return d, permit.CheckHandles(r.Handles)
}

// TypedData is what the user's wallet signs with eth_signTypedData_v4.
func (d *Decryption) TypedData() *eip712.TypedData {
	return d.Request.Permit.TypedData(d.Request.Domain)
}

// Sign signs the permit with a key at hand.
func (d *Decryption) Sign(key *secp256k1.PrivateKey) {
	d.Request.Signature = d.Request.Permit.Sign(d.Request.Domain, key)
}

// Add takes in a reply, in any order, and reports whether the values are open.
// A problem or a wrong answer is remembered and otherwise without effect; the
// error means that more parties than the threshold are corrupt.
func (d *Decryption) Add(r Reply) (done bool, err error) {
	if r.Answer == nil {
		d.problem = r.Problem
		return false, nil
	}
	if d.opening == nil {
		context := seal.NewContext(d.parameters.Domain(), d.parameters.Committee.Epoch, &d.Request)
		if d.opening, err = seal.NewOpening(context, &d.parameters.Committee, d.key); err != nil {
			return false, err
		}
	}
	return d.opening.Add(r.Answer)
}

// Values returns the clear values in the order of the handles, once Add
// reported done.
func (d *Decryption) Values() ([]*uint256.Int, error) {
	if d.opening == nil {
		return nil, d.Failure()
	}
	return d.opening.Values()
}

// Blames lists what was wrong with answers so far: liars by name.
func (d *Decryption) Blames() []threshold.Blame {
	if d.opening == nil {
		return nil
	}
	return d.opening.Blames()
}

// Failure says why the replies so far do not open the values, with the network's code,
// or with Unavailable where it is the replies themselves that are too few or differ.
func (d *Decryption) Failure() *Problem {
	if d.problem != nil {
		return d.problem
	}
	heard := 0
	if d.opening != nil {
		heard = d.opening.Heard().Len()
	}
	quorum := d.parameters.Committee.Quorum()
	message := fmt.Sprintf("%d of %d parties gave an authentic answer, %d must agree", heard, quorum.N, quorum.Agree())
	if heard >= quorum.Agree() {
		message = fmt.Sprintf("%d of %d parties answered, but no %d of them agree: at least one is wrong", heard, quorum.N, quorum.Agree())
	}
	return &Problem{Code: threshold.Unavailable, Message: message}
}

// OpenPublic decodes a public decryption of the handles, as a node relays it:
// the encoded values and the proof, which must be of 2t+1 members of the
// network's committee. The values are in decimal.
func (p *Parameters) OpenPublic(handles []fhe.Handle, encoding, proof []byte) (values []string, err error) {
	r, err := permit.OpenResult(p.SigningDomain(), &p.Committee, handles, encoding, proof)
	if err != nil {
		return nil, fmt.Errorf("open public decryption: %w", err)
	}
	for i, v := range r.Values {
		values = append(values, handles[i].Type().Text(v))
	}
	return values, nil
}
