// Package logtest writes logs for tests as the executor and the input verifier
// of a chain would, and knows the plaintext of every handle in them.
package logtest

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/model"
)

// Domain is that of all test logs.
var Domain = fhe.Domain{ChainID: 31337, ACL: fhe.Address{0xac}, KeyID: fhe.Digest{0x4e}, Version: fhe.Version}

// Log builds a log block by block.
type Log struct {
	Blocks []fhe.Batch
	Values map[fhe.Handle]uint64 // plaintext of each handle that is defined
	Kinds  map[fhe.Handle]string // operation, or "input"

	salt    uint64
	entries []fhe.Entry
	made    map[fhe.Handle]bool // results of the present transaction
}

// New starts a log.
func New() *Log {
	return &Log{Values: make(map[fhe.Handle]uint64), Kinds: make(map[fhe.Handle]string), made: make(map[fhe.Handle]bool)}
}

// Transaction begins the next transaction of the block.
func (l *Log) Transaction() { clear(l.made) }

// Made marks a handle as a result of the present transaction.
func (l *Log) Made(h fhe.Handle) { l.made[h] = true }

// Operation appends an operation with a fresh salt, and returns its first result.
// The operands need not be defined; the last is clear if isClear says so.
func (l *Log) Operation(op fhe.Op, t fhe.Type, isClear bool, clear uint64, operands ...fhe.Handle) fhe.Handle {
	var all []fhe.Operand
	for _, h := range operands {
		all = append(all, l.Operand(h))
	}
	if isClear {
		all = append(all, fhe.ClearOperand(uint256.NewInt(clear)))
	}
	return l.Derive(op, t, nil, all...)[0]
}

// Operand is the encrypted operand h.
func (l *Log) Operand(h fhe.Handle) fhe.Operand {
	if l.made[h] {
		return fhe.MadeOperand(h)
	}
	return fhe.StoredOperand(h)
}

// Derive appends an operation with a fresh salt, and returns all its results. Those
// that are random or read from a table have no values.
func (l *Log) Derive(op fhe.Op, t fhe.Type, table []byte, operands ...fhe.Operand) (handles []fhe.Handle) {
	l.salt++
	d := fhe.Derivation{Domain: Domain, Op: op, Type: t, Operands: operands, Table: table}
	binary.BigEndian.PutUint64(d.Salt[24:], l.salt)
	results := d.Results()
	l.entries = append(l.entries, fhe.Entry{Operation: &fhe.Operation{Result: results[0].Handle, Digest: results[0].Digest, Derivation: d}})
	values := l.results(&d)
	for k, r := range results {
		handles = append(handles, r.Handle)
		l.made[r.Handle], l.Kinds[r.Handle] = true, op.String()
		if k < len(values) {
			l.Values[r.Handle] = values[k].Uint64()
		}
	}
	return handles
}

// results are those of d in the clear, none of what is random or read from a table.
func (l *Log) results(d *fhe.Derivation) []*big.Int {
	row, err := d.Op.Operator()
	if err != nil || row.Shape == fhe.Draw || row.Shape == fhe.Table {
		return nil
	}
	types := row.Signature(d.Type, len(d.Operands))
	args := make([]*big.Int, len(d.Operands))
	for i, o := range d.Operands {
		args[i] = o.Value().ToBig()
		if o.Kind != fhe.Clear {
			args[i].SetUint64(l.Values[o.Handle()])
			types[i] = o.Handle().Type()
		}
	}
	return model.Expected(d.Op, d.Type, types, args)
}

// Trivial appends the trivial encryption of v.
func (l *Log) Trivial(t fhe.Type, v uint64) fhe.Handle {
	return l.Operation(fhe.Trivial, t, true, v)
}

// Input appends a verified input list, which holds values.
func (l *Log) Input(list *fhe.InputList, values ...uint64) []fhe.Handle {
	enc, err := list.MarshalBinary()
	if err != nil {
		panic(err)
	}
	l.entries = append(l.entries, fhe.Entry{Input: &fhe.Input{Digest: fhe.Keccak(enc), Encoding: enc}})
	handles := list.Handles(enc)
	for i, h := range handles {
		l.Values[h], l.Kinds[h] = values[i], "input"
	}
	return handles
}

// Attested appends the attestation of an input list, which holds values, and
// returns its handles and the encoding of the list.
func (l *Log) Attested(list *fhe.InputList, values ...uint64) ([]fhe.Handle, []byte) {
	handles := l.Input(list, values...)
	in := l.entries[len(l.entries)-1].Input
	whole := in.Encoding
	var err error
	if in.Encoding, err = list.Attest(whole).MarshalBinary(); err != nil {
		panic(err)
	}
	return handles, whole
}

// Want appends a want.
func (l *Log) Want(handles ...fhe.Handle) {
	for _, h := range handles {
		l.entries = append(l.entries, fhe.Entry{Wanted: &h})
	}
}

// Seal ends the block; the hash tells forks apart.
func (l *Log) Seal(fork byte) fhe.Batch {
	b := fhe.Batch{Number: uint64(len(l.Blocks)) + 1, Entries: l.entries}
	b.Hash = fhe.Keccak([]byte{fork}, binary.BigEndian.AppendUint64(nil, b.Number))
	l.entries = nil
	l.Transaction()
	l.Blocks = append(l.Blocks, b)
	return b
}

// Shape says what Random writes.
type Shape struct {
	Blocks     int
	Operations int // per block
	Wants      int // per block, of any handle defined so far
	Types      []fhe.Type
	Inputs     func(r *rand.Rand) (*fhe.InputList, []uint64) // one list per block; nil: none
}

// Random writes a random well-typed program in transactions of a few operations.
// Operands come from all earlier blocks; repeated operands, equal contents and dead values are frequent.
func Random(r *rand.Rand, s Shape) *Log {
	l := New()
	byType := make(map[fhe.Type][]fhe.Handle)
	defined := func(h fhe.Handle) { byType[h.Type()] = append(byType[h.Type()], h) }
	for _, t := range append([]fhe.Type{fhe.Bool}, s.Types...) {
		defined(l.Trivial(t, r.Uint64N(2)))
	}
	for range s.Blocks {
		if s.Inputs != nil {
			list, values := s.Inputs(r)
			for _, h := range l.Input(list, values...) {
				defined(h)
			}
		}
		for range s.Operations {
			if r.IntN(4) == 0 {
				l.Transaction()
			}
			for _, h := range l.random(r, s.Types, byType) {
				defined(h)
			}
		}
		for range s.Wants {
			of := byType[s.Types[r.IntN(len(s.Types))]]
			l.Want(of[r.IntN(len(of))])
		}
		l.Seal(0)
	}
	return l
}

// random appends one random operation on numbers, and returns its results.
func (l *Log) random(r *rand.Rand, types []fhe.Type, byType map[fhe.Type][]fhe.Handle) []fhe.Handle {
	for {
		row := fhe.Operators()[r.IntN(len(fhe.Operators()))]
		t := types[r.IntN(len(types))]
		if !row.On(t) || row.Shape == fhe.Draw || row.Shape == fhe.Table {
			continue
		}
		want := row.Signature(t, 2+r.IntN(3))
		clear := -1 // the operand that is clear
		if row.Shape == fhe.Encrypt {
			clear = 0
		} else if row.Clear && r.IntN(3) == 0 {
			clear = r.IntN(len(want))
		}
		var operands []fhe.Operand
		for i, u := range want {
			if row.Shape == fhe.Convert {
				u = types[r.IntN(len(types))]
			}
			if i == clear { // few values, so that contents repeat
				operands = append(operands, fhe.ClearOperand(uint256.NewInt(r.Uint64N(2))))
			} else {
				operands = append(operands, l.Operand(byType[u][r.IntN(len(byType[u]))]))
			}
		}
		if row.CheckOperands(t, operands, nil) == nil {
			return l.Derive(row.Op, t, nil, operands...)
		}
	}
}
