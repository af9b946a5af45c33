// Package logtest writes logs for tests as the executor and the input verifier
// of a chain would, and knows the plaintext of every handle in them.
package logtest

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/holiman/uint256"

	"fhevm/fhe"
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

// Operation appends an operation with a fresh salt. The operands need not be
// defined.
func (l *Log) Operation(op fhe.Op, t fhe.Type, isClear bool, clear uint64, operands ...fhe.Handle) fhe.Handle {
	l.salt++
	d := fhe.Derivation{Domain: Domain, Op: op, Type: t, Operands: operands}
	binary.BigEndian.PutUint64(d.Salt[24:], l.salt)
	for i, o := range operands {
		if l.made[o] {
			d.Boundary |= 1 << i
		}
	}
	if isClear {
		d.Clear = uint256.NewInt(clear)
	}
	h, digest := d.Result()
	l.made[h] = true
	l.entries = append(l.entries, fhe.Entry{Operation: &fhe.Operation{Result: h, Digest: digest, Derivation: d}})
	args := make([]uint64, 0, 3)
	for _, o := range operands {
		args = append(args, l.Values[o])
	}
	if isClear {
		args = append(args, clear)
	}
	l.Values[h], l.Kinds[h] = Plain(op, t, args), op.String()
	return h
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

// Plain is the plaintext model of the operator table.
func Plain(op fhe.Op, t fhe.Type, a []uint64) uint64 {
	mask := uint64(1)<<t.Bits() - 1
	if t.Bits() == 64 {
		mask = ^uint64(0)
	}
	bit := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	switch op {
	case fhe.Add:
		return (a[0] + a[1]) & mask
	case fhe.Sub:
		return (a[0] - a[1]) & mask
	case fhe.Mul:
		return a[0] * a[1] & mask
	case fhe.And:
		return a[0] & a[1]
	case fhe.Or:
		return a[0] | a[1]
	case fhe.Xor:
		return a[0] ^ a[1]
	case fhe.Eq:
		return bit(a[0] == a[1])
	case fhe.Ne:
		return bit(a[0] != a[1])
	case fhe.Ge:
		return bit(a[0] >= a[1])
	case fhe.Gt:
		return bit(a[0] > a[1])
	case fhe.Le:
		return bit(a[0] <= a[1])
	case fhe.Lt:
		return bit(a[0] < a[1])
	case fhe.Min:
		return min(a[0], a[1])
	case fhe.Max:
		return max(a[0], a[1])
	case fhe.Neg:
		return -a[0] & mask
	case fhe.Not:
		return ^a[0] & mask
	case fhe.Cast:
		if t == fhe.Bool {
			return bit(a[0] != 0)
		}
		return a[0] & mask
	case fhe.Trivial:
		return a[0]
	case fhe.Select:
		if a[0] != 0 {
			return a[1]
		}
		return a[2]
	}
	panic("logtest: " + op.String() + " has no plaintext model")
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
			defined(l.random(r, s.Types, byType))
		}
		for range s.Wants {
			of := byType[s.Types[r.IntN(len(s.Types))]]
			l.Want(of[r.IntN(len(of))])
		}
		l.Seal(0)
	}
	return l
}

// random appends one random operation.
func (l *Log) random(r *rand.Rand, types []fhe.Type, byType map[fhe.Type][]fhe.Handle) fhe.Handle {
	for {
		row := fhe.Operators()[r.IntN(len(fhe.Operators()))]
		t := types[r.IntN(len(types))]
		if !row.On(t) {
			continue
		}
		isClear := row.Clear && (row.Shape == fhe.Encrypt || r.IntN(3) == 0)
		var operands []fhe.Handle
		for _, want := range row.Operands(t, isClear) {
			if row.Shape == fhe.Convert {
				want = types[r.IntN(len(types))]
			}
			of := byType[want]
			operands = append(operands, of[r.IntN(len(of))])
		}
		// Few clear values, so that contents repeat.
		return l.Operation(row.Op, t, isClear, r.Uint64N(2), operands...)
	}
}
