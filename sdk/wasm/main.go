//go:build js && wasm

// Command wasm is the wallet core for JavaScript. It sets globalThis.fhevm to
// an object of functions that take and return JSON strings; what fails returns
// an Error. SPEC 9.6 lists them.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall/js"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

func main() {
	js.Global().Set("fhevm", js.ValueOf(map[string]any{
		"encrypt":         export(encrypt),
		"newTransportKey": export(newTransportKey),
		"newPermit":       export(newPermit),
		"newDecryption":   export(newDecryption),
		"addReply":        export(addReply),
		"failure":         export(failure),
		"openPublic":      export(openPublic),
		"closeDecryption": export(func(args []js.Value) (any, error) {
			delete(decryptions, args[0].Int())
			return struct{}{}, nil
		}),
	}))
	select {}
}

// export wraps a function of JavaScript arguments: the result as JSON, an
// error as a JavaScript Error. No input may bring the core down.
func export(f func([]js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) (result any) {
		defer func() {
			if r := recover(); r != nil {
				result = jsError(fmt.Errorf("wallet core: bad arguments: %v", r))
			}
		}()
		v, err := f(args)
		if err != nil {
			return jsError(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			return jsError(err)
		}
		return string(b)
	})
}

func jsError(err error) js.Value { return js.Global().Get("Error").New(err.Error()) }

type encryptRequest struct {
	Parameters sdk.Parameters `json:"parameters"`
	Contract   fhe.Address    `json:"contract"`
	User       fhe.Address    `json:"user"`
	Values     []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"values"`
}

// encrypt(request JSON, public key Uint8Array) gives {handles, inputProof}.
func encrypt(args []js.Value) (any, error) {
	var req encryptRequest
	if err := json.Unmarshal([]byte(args[0].String()), &req); err != nil {
		return nil, err
	}
	encoded := make([]byte, args[1].Length())
	js.CopyBytesToGo(encoded, args[1])
	pk := new(tfhe.PublicKey)
	if err := pk.UnmarshalBinary(encoded); err != nil {
		return nil, err
	}
	var values []sdk.Value
	for i, v := range req.Values {
		t, err := fhe.ParseType(v.Type)
		if err != nil {
			return nil, fmt.Errorf("value %d: %w", i, err)
		}
		clear, err := t.ParseValue(v.Value)
		if err != nil {
			return nil, fmt.Errorf("value %d: %w", i, err)
		}
		values = append(values, sdk.Value{Type: t, Clear: clear})
	}
	in, err := sdk.Encrypt(pk, req.Parameters.Binding(req.Contract, req.User), values...)
	if err != nil {
		return nil, err
	}
	return map[string]any{"handles": in.Handles, "inputProof": threshold.Bytes(in.Proof)}, nil
}

// decryptions holds what is being opened. JavaScript has one thread.
var (
	decryptions = map[int]*sdk.Decryption{}
	lastID      int
)

// newTransportKey() gives {seed, publicKey}.
func newTransportKey([]js.Value) (any, error) {
	key, err := seal.GenerateTransportKey()
	if err != nil {
		return nil, err
	}
	seed, err := key.Seed()
	return map[string]threshold.Bytes{"seed": seed, "publicKey": key.Public()}, err
}

type permitRequest struct {
	Parameters sdk.Parameters  `json:"parameters"`
	Origin     string          `json:"origin"`
	Delegator  fhe.Address     `json:"delegator"` // optional
	Account    fhe.Address     `json:"account"`   // optional: the user, if that is a contract
	Contracts  []fhe.Address   `json:"contracts"`
	ValidFrom  uint64          `json:"validFrom"`
	ValidUntil uint64          `json:"validUntil"`
	PublicKey  threshold.Bytes `json:"publicKey"`
}

// newPermit(request JSON) gives the typed data that the wallet signs.
func newPermit(args []js.Value) (any, error) {
	var req permitRequest
	if err := json.Unmarshal([]byte(args[0].String()), &req); err != nil {
		return nil, err
	}
	p := permit.NewDelegated(req.Origin, req.Delegator, req.Contracts, req.ValidFrom, req.ValidUntil, req.PublicKey)
	p.Account = req.Account
	return p.TypedData(req.Parameters.SigningDomain()), p.Check()
}

type decryptionRequest struct {
	Parameters sdk.Parameters `json:"parameters"`
	Origin     string         `json:"origin"`
	User       fhe.Address    `json:"user"`
	Delegator  fhe.Address    `json:"delegator"` // optional
	Contract   bool           `json:"contract"`  // the user is a contract
	Contracts  []fhe.Address  `json:"contracts"`
	Handles    []fhe.Handle   `json:"handles"`
	ValidFrom  uint64         `json:"validFrom"`
	ValidUntil uint64         `json:"validUntil"`
	// Seed is that of a transport key at hand; without it one is drawn.
	Seed threshold.Bytes `json:"seed"`
}

type preparedDecryption struct {
	ID        int               `json:"id"`
	TypedData *eip712.TypedData `json:"typedData"` // what the wallet signs
	Body      *permit.Request   `json:"body"`      // what is posted, once signed
}

// newDecryption(request JSON) gives {id, typedData, body}.
func newDecryption(args []js.Value) (any, error) {
	var req decryptionRequest
	if err := json.Unmarshal([]byte(args[0].String()), &req); err != nil {
		return nil, err
	}
	key, err := req.key()
	if err != nil {
		return nil, err
	}
	d, err := req.Parameters.NewDecryptionTo(key, sdk.Reading{
		Origin: req.Origin, User: req.User, Delegator: req.Delegator, Contract: req.Contract, Contracts: req.Contracts, Handles: req.Handles,
		From: req.ValidFrom, Until: req.ValidUntil,
	})
	if err != nil {
		return nil, err
	}
	lastID++
	decryptions[lastID] = d
	return preparedDecryption{lastID, d.TypedData(), &d.Request}, nil
}

func (r *decryptionRequest) key() (*seal.TransportKey, error) {
	if len(r.Seed) == 0 {
		return seal.GenerateTransportKey()
	}
	return seal.ParseTransportKey(r.Seed)
}

type progress struct {
	Done   bool              `json:"done"`
	Values []string          `json:"values,omitempty"` // decimal
	Blames []threshold.Blame `json:"blames,omitempty"`
}

// addReply(id, reply JSON) gives {done, values, blames}.
func addReply(args []js.Value) (any, error) {
	d, err := decryption(args)
	if err != nil {
		return nil, err
	}
	var r sdk.Reply
	if err := json.Unmarshal([]byte(args[1].String()), &r); err != nil {
		return nil, err
	}
	done, err := d.Add(r)
	if err != nil || !done {
		return progress{Blames: d.Blames()}, err
	}
	values, err := d.Values()
	out := progress{Done: true, Blames: d.Blames()}
	for i, v := range values {
		out.Values = append(out.Values, d.Request.Handles[i].Type().Text(v))
	}
	return out, err
}

// failure(id) gives the reason why the replies so far open nothing.
func failure(args []js.Value) (any, error) {
	d, err := decryption(args)
	if err != nil {
		return nil, err
	}
	return d.Failure().Error(), nil
}

func decryption(args []js.Value) (*sdk.Decryption, error) {
	d := decryptions[args[0].Int()]
	if d == nil {
		return nil, errors.New("no such decryption: call newDecryption first")
	}
	return d, nil
}

type publicAnswer struct {
	Parameters sdk.Parameters  `json:"parameters"`
	Handles    []fhe.Handle    `json:"handles"`
	Result     threshold.Bytes `json:"result"`
	Proof      threshold.Bytes `json:"proof"`
}

// openPublic(answer JSON) gives {values}, which the committee signed.
func openPublic(args []js.Value) (any, error) {
	var a publicAnswer
	if err := json.Unmarshal([]byte(args[0].String()), &a); err != nil {
		return nil, err
	}
	values, err := a.Parameters.OpenPublic(a.Handles, a.Result, a.Proof)
	return map[string][]string{"values": values}, err
}
