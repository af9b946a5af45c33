package chain

import (
	"fmt"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// source is an event of a system contract that the coprocessor follows. Equal
// events of other addresses mean nothing.
type source struct {
	event  abi.Event
	decode func(indexed []common.Hash, values []any) ([]fhe.Entry, error)
}

type sourceKey struct {
	address common.Address
	topic   common.Hash
}

// sources are the events of a network's contracts at their addresses.
func sources(at contracts.Addresses, domain fhe.Domain) map[sourceKey]source {
	out := make(map[sourceKey]source)
	for _, s := range []struct {
		address  fhe.Address
		artifact *contracts.Artifact
		event    string
		decode   func([]common.Hash, []any) ([]fhe.Entry, error)
	}{
		{at.Executor, contracts.FHEVMExecutor, "Operation", operationDecoder(domain)},
		{at.InputVerifier, contracts.InputVerifier, "InputList", decodeInput},
		{at.ACL, contracts.ACL, "Allowed", decodeAllowed},
		{at.ACL, contracts.ACL, "AllowedForDecryption", decodePublic},
	} {
		e := mustABI(s.artifact).Events[s.event]
		out[sourceKey{common.Address(s.address), e.ID}] = source{e, s.decode}
	}
	return out
}

// batch reads the entries of one block from its receipts, in the order of their
// logs. A system contract never emits a log that it refuses.
func batch(from map[sourceKey]source, header *types.Header, receipts types.Receipts) (fhe.Batch, error) {
	b := fhe.Batch{Number: header.Number.Uint64(), Hash: fhe.Digest(header.Hash()), Time: header.Time}
	for _, r := range receipts {
		for _, l := range r.Logs {
			entries, err := entries(from, l)
			if err != nil {
				return b, fmt.Errorf("log %d of block %d: %w", l.Index, b.Number, err)
			}
			b.Entries = append(b.Entries, entries...)
		}
	}
	return b, nil
}

func entries(from map[sourceKey]source, l *types.Log) ([]fhe.Entry, error) {
	if len(l.Topics) == 0 {
		return nil, nil
	}
	s, ok := from[sourceKey{l.Address, l.Topics[0]}]
	if !ok {
		return nil, nil
	}
	values, err := s.event.Inputs.Unpack(l.Data)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", s.event.Name, err)
	}
	out, err := s.decode(l.Topics[1:], values)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", s.event.Name, err)
	}
	return out, nil
}

// operationDecoder derives the handle again: the coprocessor never trusts a name
// that it has not checked.
func operationDecoder(domain fhe.Domain) func([]common.Hash, []any) ([]fhe.Entry, error) {
	return func(indexed []common.Hash, values []any) ([]fhe.Entry, error) {
		op := &fhe.Operation{Result: fhe.Handle(indexed[1]), Digest: fhe.Digest(values[0].([32]byte))}
		if err := op.Derivation.UnmarshalComputation(domain, values[1].([]byte)); err != nil {
			return nil, err
		}
		if r := op.Derivation.Results()[0]; r.Handle != op.Result || r.Digest != op.Digest {
			return nil, fmt.Errorf("the derivation names %s, digest %s, not %s, digest %s", r.Handle, r.Digest, op.Result, op.Digest)
		}
		return []fhe.Entry{{Operation: op}}, nil
	}
}

func decodeInput(indexed []common.Hash, values []any) ([]fhe.Entry, error) {
	in := &fhe.Input{Digest: fhe.Digest(indexed[0]), Encoding: values[0].([]byte)}
	digest := fhe.Keccak(in.Encoding)
	if fhe.IsAttested(in.Encoding) {
		var a fhe.AttestedInput
		if err := a.UnmarshalBinary(in.Encoding); err != nil {
			return nil, err
		}
		digest = a.List
	}
	if digest != in.Digest {
		return nil, fmt.Errorf("the list has digest %s, not %s", digest, in.Digest)
	}
	return []fhe.Entry{{Input: in}}, nil
}

func decodeAllowed(_ []common.Hash, values []any) ([]fhe.Entry, error) {
	h := fhe.Handle(values[0].([32]byte))
	return []fhe.Entry{{Wanted: &h}}, nil
}

func decodePublic(_ []common.Hash, values []any) (out []fhe.Entry, _ error) {
	for _, word := range values[0].([][32]byte) {
		h := fhe.Handle(word)
		out = append(out, fhe.Entry{Wanted: &h})
	}
	return out, nil
}
