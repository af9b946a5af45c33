package contracts

import (
	"encoding/binary"
	"math/rand/v2"

	"fhevm/fhe"

	"github.com/holiman/uint256"
)

// form is a way to order an operation.
type form struct {
	op    fhe.Op
	typ   fhe.Type
	from  fhe.Type // of the operand of a cast
	clear int      // bit i: operand i is clear, and of a list operands i, i+2 and so on
	n     int      // operands of a list
}

// everyForm lists all that the operator table allows.
func everyForm() (out []form) {
	for _, row := range fhe.Operators() {
		for _, typ := range fhe.Types() {
			if row.On(typ) {
				out = append(out, formsOf(row, typ)...)
			}
		}
	}
	return out
}

func formsOf(row fhe.Operator, typ fhe.Type) (out []form) {
	f := form{op: row.Op, typ: typ}
	switch row.Shape {
	case fhe.Convert:
		for _, f.from = range fhe.Types() {
			out = append(out, f)
		}
		return out
	case fhe.Fold, fhe.Member:
		for f.n = row.LeastOperands(); f.n <= fhe.MaxList; f.n++ {
			out = append(out, f)
			if f.clear = 2; f.n > 1 {
				out = append(out, f)
			}
			f.clear = 0
		}
		return out
	case fhe.Draw:
		return []form{f}
	}
	for f.clear = range 1 << len(row.Signature(typ, 0)) {
		if row.CheckOperands(typ, f.operands(nil), f.table(nil)) == nil {
			out = append(out, f)
		}
	}
	return out
}

// derivation encodes the form with random names, values and kinds of handles.
func (f form) derivation(r *rand.Rand) []byte {
	d := fhe.Derivation{
		Domain: fhe.Domain{ChainID: r.Uint64(), Version: fhe.Version, KeyID: randomDigest(r)},
		Op:     f.op, Type: f.typ, Salt: randomDigest(r), Operands: f.operands(r), Table: f.table(r),
	}
	copy(d.Domain.ACL[:], d.Salt[7:])
	for i, o := range d.Operands {
		if o.Kind != fhe.Clear {
			d.Operands[i].Word = fhe.NewHandle(randomDigest(r), uint8(r.Uint32()), d.Domain.ChainID, o.Handle().Type(), fhe.Version)
		}
	}
	b, err := d.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}

// operands are random, or the simplest without r.
func (f form) operands(r *rand.Rand) []fhe.Operand {
	row, _ := f.op.Operator()
	if row.Shape == fhe.Draw {
		return drawn(row, f.typ, r)
	}
	types := row.Signature(f.typ, f.n)
	if row.Shape == fhe.Convert {
		types = []fhe.Type{f.from}
	}
	out := make([]fhe.Operand, len(types))
	for i, typ := range types {
		if f.isClear(i) {
			out[i] = fhe.ClearOperand(randomValue(typ, r))
			continue
		}
		out[i] = fhe.Operand{Kind: fhe.Made, Word: fhe.NewHandle(fhe.Digest{1}, fhe.Computed, 0, typ, fhe.Version)}
		if r != nil && r.IntN(2) == 0 {
			out[i].Kind = fhe.Stored
		}
	}
	return out
}

func (f form) isClear(i int) bool {
	if f.n > 0 {
		i %= 2
	}
	return f.clear>>i&1 == 1
}

// drawn are a seed and, if the operation takes one, a bound.
func drawn(row fhe.Operator, typ fhe.Type, r *rand.Rand) []fhe.Operand {
	operands := []fhe.Operand{{Kind: fhe.Clear, Word: randomDigest(r)}}
	if row.Op == fhe.RandBounded {
		bound := randomValue(typ, r)
		if typ.Bits() < 256 || !bound.Eq(new(uint256.Int).SetAllOne()) {
			bound.AddUint64(bound, 1) // 1 to 2^bits
		}
		operands = append(operands, fhe.ClearOperand(bound))
	}
	return operands
}

func (f form) table(r *rand.Rand) []byte {
	row, _ := f.op.Operator()
	if row.Shape != fhe.Table {
		return nil
	}
	table := make([]byte, fhe.TableSize*f.typ.Bits()/8)
	for i := range table {
		table[i] = randomDigest(r)[0]
	}
	return table
}

// randomValue is any of type t, often the largest.
func randomValue(t fhe.Type, r *rand.Rand) *uint256.Int {
	v := new(uint256.Int).SetAllOne()
	if digest := randomDigest(r); digest[0] >= 64 {
		v.SetBytes32(digest[:])
	}
	return v.Rsh(v, uint(256-t.Bits()))
}

func randomDigest(r *rand.Rand) (d fhe.Digest) {
	for i := range d {
		if r != nil {
			d[i] = byte(r.Uint32())
		}
	}
	return d
}

// mutate makes one small change.
func mutate(r *rand.Rand, input []byte) []byte {
	out := append([]byte(nil), input...)
	if len(out) < 97 {
		return append(out, byte(r.Uint32()))
	}
	const op, typ, count = 61, 62, 95
	words := count + 1 + int(out[count])
	switch r.IntN(9) {
	case 0:
		out = out[:r.IntN(len(out))]
	case 1:
		out = append(out, make([]byte, 1+r.IntN(40))...)
	case 2:
		out[op] = byte(r.IntN(80))
	case 3:
		out[typ] = byte(r.IntN(32))
	case 4:
		out[count] += byte(r.IntN(3) - 1)
	case 5:
		out[count+1+r.IntN(max(int(out[count]), 1))%(len(out)-count-1)] = byte(r.IntN(4))
	case 6: // the type of an operand, or the least bits of a clear one
		if at := words + 32*r.IntN(max(int(out[count]), 1)) + 30; at < len(out) {
			out[at] = byte(r.IntN(32))
		}
	case 7:
		if at := words + 32*r.IntN(max(int(out[count]), 1)); at+32 <= len(out) {
			copy(out[at:], make([]byte, 32))
		}
	default:
		out[r.IntN(len(out))] ^= 1 << r.IntN(8)
	}
	return out
}

// inputOf is what the input precompile takes for a list of these types, valid or not.
func inputOf(d fhe.Domain, types []fhe.Type, r *rand.Rand) []byte {
	b := fhe.Binding{Domain: d, Contract: fhe.Address(app), User: fhe.Address(alice)}
	list := append(b.Append([]byte{0}), uint8(len(types)))
	slots := 0
	for _, t := range types {
		list, slots = append(list, uint8(t)), slots+t.Slots()
	}
	for range 2048 + slots {
		list = binary.BigEndian.AppendUint64(list, r.Uint64())
	}
	return append(b.Append(nil), list...)
}

func slicesOf(t fhe.Type, n int) (types []fhe.Type) {
	for range n {
		types = append(types, t)
	}
	return types
}

// mutateHead changes a bit before the ciphertext, or the length.
func mutateHead(r *rand.Rand, input []byte) []byte {
	out := append([]byte(nil), input...)
	switch r.IntN(8) {
	case 0:
		return out[:r.IntN(len(out))]
	case 1:
		return append(out, make([]byte, 8)...)
	}
	out[r.IntN(2*fhe.BindingSize+6)] ^= 1 << r.IntN(8)
	return out
}
